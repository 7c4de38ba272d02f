"""The README's first command, for real."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from machine_records import machine_records

QUICKSTART = Path(__file__).parents[2] / "deploy" / "quickstart"

# Creates an environment and installs the package with what it needs.
pytestmark = pytest.mark.timeout(600)


def environment(home: Path) -> dict[str, str]:
    """Return the environment for a quickstart in *home*."""
    return {**os.environ, "MERKLELOG_HOME": str(home), "PYTHON": sys.executable}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quickstart that has run once."""
    home = tmp_path_factory.mktemp("quickstart")
    done = subprocess.run(
        [QUICKSTART, "--once"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    )
    assert "SELF_CONSISTENT" in done.stdout
    return home


def test_a_second_run_adds_nothing_twice(home: Path) -> None:
    """It verifies the receipt that it kept, and submits only what is new."""
    submitted = (home / "submitted.ndjson").read_bytes()

    done = subprocess.run(
        [QUICKSTART, "--once"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    )

    assert "SELF_CONSISTENT" in done.stdout
    assert "Installing" not in done.stdout
    # Something may have been installed or have logged in meanwhile.
    assert (home / "submitted.ndjson").read_bytes().startswith(submitted)


def test_input_is_submitted(home: Path, tmp_path: Path) -> None:
    """--input takes the user's own file; relative to where he stands."""
    (tmp_path / "trail.json").write_text('{"Records":[{"a":1},\n{"b":2}]}')

    done = subprocess.run(
        [QUICKSTART, "--once", "--input", "trail.json"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(home),
    )

    assert '\n{"b":2}\n' in done.stdout
    assert "SELF_CONSISTENT" in done.stdout


def test_an_input_without_records_is_no_success(home: Path, tmp_path: Path) -> None:
    """The receipt of an earlier run must not pass for one of this input."""
    (tmp_path / "trail.json").write_text('{"Records":[]}')

    done = subprocess.run(
        [QUICKSTART, "--once", "--input", tmp_path / "trail.json"],
        check=False,
        capture_output=True,
        text=True,
        env=environment(home),
    )

    assert done.returncode == 1
    assert "trail.json: there is no record in it" in done.stderr
    assert "SELF_CONSISTENT" not in done.stdout


def test_an_entry_does_nothing_to_the_terminal(home: Path, tmp_path: Path) -> None:
    """Its control characters are shown, not obeyed."""
    (tmp_path / "trail").write_bytes(b"a\x1b]0;b\x07\xff\n")

    done = subprocess.run(
        [QUICKSTART, "--once", "--input", tmp_path / "trail"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    )

    assert "\na\\x1b]0;b\\x07\ufffd\n" in done.stdout


def test_serves_until_it_is_stopped(home: Path) -> None:
    """Without --once the URL that it prints answers, and the end is clean."""
    process = subprocess.Popen(
        [QUICKSTART], stdout=subprocess.PIPE, text=True, env=environment(home)
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if found := re.match(r"Open (\S+)", line):
                with urlopen(found[1]) as answer:
                    assert answer.read().startswith(b"localhost/quickstart-")
                process.send_signal(signal.SIGINT)
                break
        assert process.stdout.read().count("Traceback") == 0

    assert process.returncode == 0


def test_the_last_resort_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without readable logs still has records of its own."""
    monkeypatch.setattr("machine_records._LINE_FILES", ())
    for name in ("_APT_HISTORY", "_MACOS_HISTORY"):
        monkeypatch.setattr(f"machine_records.{name}", "/nonexistent")
    monkeypatch.setenv("PATH", "")

    ((source, records),) = machine_records()

    assert source == "pip"
    assert any("aiohttp" in record for record in records)
