"""The configuration files. Trusted, and all the same read without a traceback."""

from pathlib import Path
from tempfile import NamedTemporaryFile

from fuzz.targets import Target, only

from merklelog.config import LogConfig, load_server_config, read_log_config
from merklelog.errors import ConfigError


def fuzz_log_config(data: bytes) -> None:
    with NamedTemporaryFile() as file, only(ConfigError):
        file.write(data)
        file.flush()
        config = read_log_config(Path(file.name))
        assert LogConfig.model_validate(config.model_dump(mode="json")) == config


def fuzz_server_config(data: bytes) -> None:
    with NamedTemporaryFile() as file, only(ConfigError):
        file.write(data)
        file.flush()
        config = load_server_config(Path(file.name), environ={})
        assert 0 <= config.address[1] <= 65_535


TARGETS = {
    "log-config": Target(
        fuzz_log_config,
        [
            b'version = 1\norigin = "example.com/log"\nkind = "opaque"\n'
            b'guard = "/elsewhere/guard"\n\n'
            b"[checkpoint]\ninterval = 1.0\nrepublish = 600\n"
        ],
    ),
    "server-config": Target(
        fuzz_server_config,
        [
            b'listen = "[::1]:8080"\ninsecure = true\nmax_body_bytes = 0x100_000\n'
            b"body_timeout = 3e1\nlog_level = 'debug'\n"
        ],
    ),
}
