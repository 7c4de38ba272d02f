"""A disk that is full, or that may not be written to: refused, red, and back again."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from serverprocess import ServerProcess, run_cli

ORIGIN = "example.com/full"
# LevelDB rewrites its 16 MiB write-ahead log when it is opened again: what is freed
# has to have room for that.
DISK = 80 << 20
BALLAST = 40 << 20

ENTRY = bytes(range(1, 251)) * 240  # 60,000 bytes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small tmpfs, with a log in it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        data = disk / "logs"
        run_cli("init", "--data", data, "--origin", ORIGIN, "--kind", "opaque")
        yield data
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def post(url: str, body: bytes) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/octet-stream"}
    )
    return answer_of(request)


def answer_of(request: urllib.request.Request | str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def readiness(server: ServerProcess) -> int:
    return answer_of(server.log_url.partition("/logs/")[0] + "/readyz")[0]


def fill(server: ServerProcess) -> list[bytes]:
    """Submit until the disk is full; return what was acknowledged."""
    kept: list[bytes] = []
    for number in range(2 * DISK // len(ENTRY)):
        entry = b"%d " % number + ENTRY
        status, answer = post(f"{server.log_url}/entries", entry)
        if status != 201:
            assert status == 503
            assert answer["code"] == "storage_failed"
            return kept
        assert answer["index"] == number
        kept.append(entry)
    raise AssertionError("the disk is larger than it should be")


def entry_at(server: ServerProcess, index: int) -> bytes:
    with urllib.request.urlopen(f"{server.log_url}/entries/{index}") as response:
        body: bytes = response.read()
        return body


def wait_until_ready(server: ServerProcess) -> None:
    deadline = time.monotonic() + 60
    while readiness(server) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_full_disk_is_refused_and_recovered_from(small_disk: Path) -> None:
    """No room: storage_failed and not ready. Room again: serving, nothing lost."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(BALLAST))
    with ServerProcess(small_disk) as server:
        kept = fill(server)
        assert readiness(server) == 503
        ballast.unlink()
        wait_until_ready(server)
        status, receipt = post(f"{server.log_url}/entries", b"after")
        assert status == 201
        # The one whose commit failed may be in the log, or not: it was not promised.
        assert receipt["index"] in {len(kept), len(kept) + 1}
        for index, entry in enumerate(kept):
            assert entry_at(server, index) == entry
    checked = run_cli("fsck", "--data", small_disk, "--log", "main", *vkey(small_disk))
    assert checked.returncode == 0, checked.stdout


def vkey(data: Path) -> tuple[str, str]:
    shown = run_cli("keys", "show", "--data", data, "--log", "main")
    return "--vkey", shown.stdout.strip()


def test_a_store_folder_that_vanishes_is_reported_not_recreated(tmp_path: Path) -> None:
    """A volume that is unmounted under the server is not an empty log."""
    data = tmp_path / "logs"
    run_cli("init", "--data", data, "--origin", ORIGIN, "--kind", "opaque")
    store = data / "main" / "store"
    with ServerProcess(data) as server:
        assert post(f"{server.log_url}/entries", b"kept")[0] == 201
        moved = store.with_name("moved")
        store.rename(moved)
        store.write_bytes(b"")  # Nothing can be created below a file.
        status = 201
        answer: dict[str, object] = {}
        number = 0
        while status == 201:  # LevelDB notices when it needs a new file.
            number += 1
            status, answer = post(f"{server.log_url}/entries", b"%d " % number + ENTRY)
        assert answer["code"] == "storage_failed"
        assert readiness(server) == 503
        store.unlink()
        moved.rename(store)
        wait_until_ready(server)
        assert entry_at(server, 0) == b"kept"
        for index in range(1, number):
            assert entry_at(server, index) == b"%d " % index + ENTRY


def test_an_unwritable_folder_is_refused_at_the_start(small_disk: Path) -> None:
    """The server says in one line that it cannot write."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk.parent], check=True)
    refused = run_cli("serve", "--data", small_disk, "--listen", "127.0.0.1:0")
    assert refused.returncode == 1
    assert "Read-only file system" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
