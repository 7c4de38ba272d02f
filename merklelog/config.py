"""What can be configured: of a server in ``merklelog.toml``, of a log in ``log.toml``.

A server's options come from its file, are overridden by ``MERKLELOG_*`` variables, and
those by flags. Whoever controls any of the three controls the server: none is a place
for what comes from a client. A log's options lie in its folder, beside its keys, and
are as trusted as these.

An unknown option is refused by its name, never ignored: a misspelled limit would be no
limit. docs/config.md gives for each option what it costs.
"""

import ipaddress
import os
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from merklelog import durable
from merklelog.errors import ConfigError

_PREFIX = "MERKLELOG_"

# Variables with the prefix that are no options of the server: the client's, and the
# folder of deploy/quickstart.
_NOT_OURS = {"URL", "TOKEN", "VKEY", "SPOOL", "HOME"}

# How much of a wrong value a message shows.
_SHOWN = 60

LogKind = Literal["opaque", "audit"]
"""Whether entries are the client's bytes, or envelopes made from audit events."""

LogLevel = Literal["debug", "info", "warning", "error"]


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``127.0.0.1:8080``, ``[::1]:8080`` or ``name:8080``.

    Raises:
        ValueError: it is none of these.
    """
    host, separator, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if (
        not (separator and bare and port.isascii() and port.isdecimal())
        or int(port) > 65535
        or (":" in bare) != bracketed
    ):
        raise ValueError(
            f"{address!r} is not HOST:PORT, as 127.0.0.1:8080 or [::1]:8080"
        )
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches *host*: an address, or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_address(address: str) -> str:
    split_address(address)
    return address


def _check_absolute(path: Path) -> Path:
    # Relative to whichever folder a command is started in, the guard of a log would
    # be missed, and a missing guard guards nothing.
    if not path.is_absolute():
        raise ValueError("not an absolute path")
    return path


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ServerConfig(_Options):
    """The options of a server. Sizes are in bytes, times in seconds."""

    listen: Annotated[str, AfterValidator(_check_address)] = "127.0.0.1:8080"
    """Port 0 takes a free one."""

    insecure: bool = False
    """Allow listening beyond loopback, although there is no TLS and no login yet."""

    max_body_bytes: int = Field(16 << 20, ge=1 << 16, le=1 << 30)
    """Of a request, decompressed. At least one entry of the largest size fits."""

    max_batch_entries: int = Field(65_536, ge=1, le=1 << 20)

    pool_bytes: int = Field(64 << 20, ge=1 << 16, le=1 << 34)
    """Per log: what may wait for a commit. Full: 503, and nothing is taken."""

    body_timeout: float = Field(30.0, gt=0, le=3600)
    """For a request's body to arrive."""

    shutdown_timeout: float = Field(30.0, gt=0, le=3600)
    """From SIGTERM until connections are cut. What was taken is committed anyway."""

    reader_threads: int = Field(4, ge=1, le=64)
    """Per log."""

    log_level: LogLevel = "info"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return split_address(self.listen)

    @model_validator(mode="after")
    def _check_exposure(self) -> Self:
        if not self.insecure and not is_loopback(self.address[0]):
            raise ValueError(
                f"listen: {self.listen} is reachable from other machines, and there "
                "is no TLS and no login: listen on 127.0.0.1 behind a proxy, or say "
                "--insecure"
            )
        return self

    @model_validator(mode="after")
    def _check_pool(self) -> Self:
        if self.pool_bytes < self.max_body_bytes:
            raise ValueError(
                f"pool_bytes: {self.pool_bytes} is less than max_body_bytes, "
                f"{self.max_body_bytes}: the largest body could never be taken"
            )
        return self


class CheckpointConfig(_Options):
    """When a log publishes. Times in seconds."""

    interval: float = Field(1.0, ge=0.01, le=3600)
    """Between two published checkpoints, while the log grows."""

    republish: float = Field(600.0, ge=1, le=86400)
    """An idle log signs its checkpoint anew this often, so that its age is known."""


class LogConfig(_Options):
    """What ``log.toml`` says of one log."""

    version: Literal[1] = 1
    """Of the layout of this file and its folder."""

    origin: str
    """The log's name in its checkpoints. Never changes: another origin, another log."""

    kind: LogKind = "opaque"

    guard: Annotated[Path, AfterValidator(_check_absolute)] | None = None
    """The file of the rollback guard; None: ``guard`` in the log's folder. On another
    disk it also guards against a rolled-back disk."""

    checkpoint: CheckpointConfig = CheckpointConfig()


def load_server_config(
    file: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ServerConfig:
    """Return a server's options: *file*, under *environ*, under *flags*.

    Flags that are None were not given.

    Raises:
        ConfigError: one line for each problem, saying where the option was set.
    """
    options: dict[str, object] = {}
    source_of: dict[str, str] = {}
    if file is not None:
        options = _read_toml(file)
        source_of = dict.fromkeys(options, str(file))
    for variable, value in environ.items():
        name = variable.removeprefix(_PREFIX)
        if variable.startswith(_PREFIX) and name not in _NOT_OURS:
            options[name.lower()] = value
            source_of[name.lower()] = f"variable {variable}"
    for option, given in (flags or {}).items():
        if given is not None:
            options[option] = given
            source_of[option] = f"flag --{option.replace('_', '-')}"
    return _validated(ServerConfig, options, source_of)


def read_log_config(path: Path) -> LogConfig:
    """Return what the ``log.toml`` at *path* says.

    Raises:
        ConfigError: it cannot be read, or one line for each problem in it.
    """
    return _validated(LogConfig, _read_toml(path), defaultdict(lambda: str(path)))


def write_log_config(path: Path, config: LogConfig) -> None:
    """Write ``log.toml`` at *path*, durably, replacing one that is there.

    Raises:
        OSError: it cannot be written.
    """
    text = tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
    durable.replace(path, text.encode("utf-8"))


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    # ValueError: not UTF-8, not TOML, or an integer of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error


_OptionsT = TypeVar("_OptionsT", bound=_Options)


def _validated(
    kind: type[_OptionsT], options: Mapping[str, object], source_of: Mapping[str, str]
) -> _OptionsT:
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        raise ConfigError([_line(p, source_of) for p in error.errors()]) from error


def _line(problem: ErrorDetails, source_of: Mapping[str, str]) -> str:
    """Return *problem* on one line: where it was set, which option, what is wrong."""
    if not problem["loc"]:  # A rule about several options names them itself.
        return problem["msg"].removeprefix("Value error, ")
    option = ".".join(map(str, problem["loc"]))
    source = source_of[str(problem["loc"][0])]
    match problem["type"]:
        case "extra_forbidden":
            return f"{source}: {option}: there is no such option"
        case "missing":
            return f"{source}: {option}: has to be set"
        case "value_error":
            return f"{source}: {option}: {problem['msg'].removeprefix('Value error, ')}"
        case _:
            value = _beginning(problem["input"])
            return f"{source}: {option}: {problem['msg']}, not {value}"


def _beginning(value: object) -> str:
    try:
        return str(value)[:_SHOWN]
    except ValueError:
        # TOML can spell in hex what Python refuses to spell in decimal.
        return "a number of thousands of digits"
