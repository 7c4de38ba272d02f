"""Where options come from, and what is said of a wrong one."""

from pathlib import Path

import pytest

from merklelog.config import (
    CheckpointConfig,
    LogConfig,
    ServerConfig,
    is_loopback,
    load_server_config,
    read_log_config,
    split_address,
    write_log_config,
)
from merklelog.errors import ConfigError

ORIGIN = "example.com/audit"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "merklelog.toml"
    path.write_text('listen = "127.0.0.1:1"\nreader_threads = 7\nlog_level = "debug"\n')
    return path


def problems_of(text: str, tmp_path: Path) -> tuple[str, ...]:
    """Return what is wrong with a merklelog.toml of this *text*, without its path."""
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as e:
        load_server_config(path, environ={})
    return tuple(line.removeprefix(f"{path}: ") for line in e.value.problems)


# -- the server's -----------------------------------------------------------------


def test_without_any_source_the_defaults_hold() -> None:
    config = load_server_config(environ={})

    assert config == ServerConfig()
    assert config.listen == "127.0.0.1:8080"
    assert config.max_body_bytes == 16 << 20
    assert not config.insecure


def test_variables_override_the_file_and_flags_override_variables(file: Path) -> None:
    config = load_server_config(
        file,
        {"listen": "127.0.0.1:3", "log_level": None},
        {"MERKLELOG_LISTEN": "127.0.0.1:2", "MERKLELOG_READER_THREADS": "8"},
    )

    assert config.listen == "127.0.0.1:3"
    assert config.reader_threads == 8
    assert config.log_level == "debug"


def test_variables_are_read_as_what_they_mean() -> None:
    config = load_server_config(
        environ={"MERKLELOG_INSECURE": "true", "MERKLELOG_BODY_TIMEOUT": "1.5"}
    )

    assert config.insecure is True
    assert config.body_timeout == 1.5


def test_an_unknown_option_is_refused_by_its_name(tmp_path: Path) -> None:
    assert problems_of("listne = 1", tmp_path) == ("listne: there is no such option",)


def test_an_unknown_variable_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match="variable MERKLELOG_LISTNE: listne: there"):
        load_server_config(environ={"MERKLELOG_LISTNE": "127.0.0.1:1"})


def test_the_clients_variables_are_not_the_servers() -> None:
    load_server_config(environ={"MERKLELOG_URL": "http://127.0.0.1", "PATH": "/bin"})


def test_a_wrong_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(ConfigError, match=r"^flag --reader-threads: reader_threads: "):
        load_server_config(flags={"reader_threads": 0}, environ={})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "reader_threads = 0",
            "reader_threads: Input should be greater than or equal to 1, not 0",
        ),
        (
            "pool_bytes = 1",
            "pool_bytes: Input should be greater than or equal to 65536, not 1",
        ),
        (
            "body_timeout = inf",
            "body_timeout: Input should be a finite number, not inf",
        ),
        (
            'log_level = "x"',
            "log_level: Input should be 'debug', 'info', 'warning' or 'error', not x",
        ),
        (
            'listen = "8080"',
            "listen: '8080' is not HOST:PORT, as 127.0.0.1:8080 or [::1]:8080",
        ),
    ],
)
def test_a_problem_is_one_line_with_option_and_limit(
    text: str, problem: str, tmp_path: Path
) -> None:
    assert problems_of(text, tmp_path) == (problem,)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems_of("reader_threads = 0\nbody_timeout = 0", tmp_path)) == 2


def test_a_pool_that_cannot_hold_the_largest_body_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of("pool_bytes = 65536", tmp_path)

    assert problem.startswith("pool_bytes: 65536 is less than max_body_bytes")


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "example.com:80"])
def test_only_insecure_listens_beyond_loopback(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"reachable from other machines.*--insecure"):
        load_server_config(flags={"listen": listen}, environ={})

    load_server_config(flags={"listen": listen, "insecure": True}, environ={})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example"])  # noqa: S104 - not bound
def test_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", ":80", "host", "host:", "host:65536", "host:-1", "host:+1", "::1:80", "[a]:1"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_address(text)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such"):
        load_server_config(tmp_path / "absent.toml", environ={})


@pytest.mark.parametrize("data", [b"listen = ", b'listen = "\xff"'])
def test_a_file_that_is_not_toml_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "merklelog.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"merklelog\.toml: not TOML"):
        load_server_config(path, environ={})


# -- a log's ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        LogConfig(origin=ORIGIN),
        LogConfig(
            origin=ORIGIN,
            kind="audit",
            guard=Path("/var/lib/guard"),
            checkpoint=CheckpointConfig(interval=2.5, republish=60),
        ),
    ],
)
def test_a_logs_options_come_back(config: LogConfig, tmp_path: Path) -> None:
    write_log_config(tmp_path / "log.toml", config)

    assert read_log_config(tmp_path / "log.toml") == config
    assert [path.name for path in tmp_path.iterdir()] == ["log.toml"]


def test_writing_replaces_what_was_there(tmp_path: Path) -> None:
    for origin in (ORIGIN, "other"):
        write_log_config(tmp_path / "log.toml", LogConfig(origin=origin))

    assert read_log_config(tmp_path / "log.toml").origin == "other"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "origin: has to be set"),
        ("origin = 1", "origin: Input should be a valid string, not 1"),
        (f'origin = "{ORIGIN}"\nversion = 2', "version: Input should be 1, not 2"),
        (f'origin = "{ORIGIN}"\nguard = "here"', "guard: not an absolute path"),
        (
            f'origin = "{ORIGIN}"\n[checkpoint]\nintervall = 1',
            "checkpoint.intervall: there is no such option",
        ),
    ],
)
def test_a_problem_in_log_toml_names_file_and_option(
    text: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as e:
        read_log_config(path)

    assert e.value.problems == (f"{path}: {problem}",)
