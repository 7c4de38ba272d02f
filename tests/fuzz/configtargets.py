"""The configuration files. Trusted, and all the same read without a traceback."""

from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

from fuzz.targets import Target

from merklelog.config import LogConfig, load_server_config, read_log_config
from merklelog.errors import ConfigError

T = TypeVar("T")


def fuzz_log_config(data: bytes) -> None:
    try:
        config = _read(data, read_log_config)
    except ConfigError:
        return
    assert LogConfig.model_validate(config.model_dump(mode="json")) == config


def fuzz_server_config(data: bytes) -> None:
    try:
        config = _read(data, lambda path: load_server_config(path, environ={}))
    except ConfigError:
        return
    assert 0 <= config.address[1] <= 65_535


def _read(data: bytes, read: Callable[[Path], T]) -> T:
    """Return what *read* makes of a file that holds *data*."""
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return read(Path(file.name))


TARGETS = {
    "log-config": Target(
        fuzz_log_config,
        [
            (
                b'version = 1\norigin = "example.com/log"\nkind = "opaque"\n'
                b'guard = "/elsewhere/guard"\n\n'
                b"[checkpoint]\ninterval = 1.0\nrepublish = 600\n"
            ),
            b"version = " + b"[" * 5000,
            b"version = " + b"9" * 5000,
            b"version = 0x" + b"f" * 5000,
        ],
    ),
    "server-config": Target(
        fuzz_server_config,
        [
            (
                b'listen = "[::1]:8080"\ninsecure = true\nmax_body_bytes = 0x100_000\n'
                b"body_timeout = 3e1\nlog_level = 'debug'\n"
            )
        ],
    ),
}
