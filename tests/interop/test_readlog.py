"""The code of the Go checksum database reads a log of this server, and agrees.

readlog/ is a program of golang.org/x/mod's tlog and note packages. It knows a log's
key and its tile paths, and shares nothing with us but the specifications.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from interop.conftest import Serve, Served

# Go may fetch the module, and a newer Go, the first time.
pytestmark = pytest.mark.timeout(600)

# Around the edges of tiles: the first leaf, one less than a tile, one tile, one more.
SIZES = (0, 1, 255, 256, 257, 700)

Alter = Callable[[str, bytes], bytes]


class History(NamedTuple):
    """A served log, its checkpoint at each of SIZES, and what Go then said of it."""

    log: Served
    checkpoints: list[Path]
    runs: dict[int, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def readlog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: no implementation but ours has read the log")
    program = tmp_path_factory.mktemp("go") / "readlog"
    built = subprocess.run(
        ["go", "build", "-buildvcs=false", "-o", program, "."],
        cwd=Path(__file__).parent / "readlog",
        env={**os.environ, "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture(scope="module")
def history(
    serve: Serve, readlog: Path, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """A log that grew to each of SIZES, and was read each time."""
    folder = tmp_path_factory.mktemp("history")
    log = serve(folder / "logs")
    history = History(log, [], {})
    for old, size in zip((0, *SIZES), SIZES, strict=False):
        if size > old:
            log.site.append([entry(index) for index in range(old, size)])
        checkpoint = folder / f"checkpoint.{size}"
        checkpoint.write_bytes(log.site.wait_for_checkpoint(size))
        history.checkpoints.append(checkpoint)
        history.runs[size] = run(readlog, log, *history.checkpoints)
    return history


def entry(index: int, seed: str = "") -> bytes:
    """Some bytes: text, lines, what is no text at all, and the longest there can be."""
    chance = random.Random(f"{seed}{index}")
    if index % 100 == 50:
        return chance.randbytes(65_535)
    if index % 3 == 0:
        return f"entry {index}\r\nof two lines\n".encode()
    return chance.randbytes(chance.randint(1, 300))


def run(
    readlog: Path, log: Served, *older: Path, url: str = ""
) -> subprocess.CompletedProcess[str]:
    """Have the Go program read *log*, through *url* if it is given."""
    return subprocess.run(
        [readlog, "-vkey", log.vkey, "-url", url or log.url, *older],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@contextmanager
def proxy(url: str, alter: Alter) -> Iterator[str]:
    """Serve what *url* serves, each body altered by its path; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/")
            try:
                with urlopen(f"{url}/{path}") as response:
                    status, body = 200, alter(path, response.read())
            except HTTPError as error:
                status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def flip(wanted: str, at: int) -> Alter:
    """Alter one bit of the byte *at* of what stands at path *wanted*."""

    def alter(path: str, body: bytes) -> bytes:
        if path != wanted:
            return body
        changed = bytearray(body)
        changed[at] ^= 1
        return bytes(changed)

    return alter


@pytest.mark.parametrize("size", SIZES)
def test_go_agrees_after_each_commit(history: History, size: int) -> None:
    """Every record, the tree, and every checkpoint so far is a beginning of it."""
    done = history.runs[size]

    assert done.stderr == ""
    assert done.stdout.startswith(f"{size} records under ")
    count = SIZES.index(size) + 1
    assert done.stdout.endswith(f"consistent with {count} older checkpoints\n")


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("checkpoint", 0),
        ("tile/0/000", 5),
        ("tile/0/001", 8191),
        ("tile/0/002.p/188", 3 * 32),
        ("tile/1/000.p/2", 0),
        ("tile/entries/000", 2),
        ("tile/entries/002.p/188", -1),
    ],
)
def test_go_notices_one_changed_bit(
    history: History, readlog: Path, path: str, at: int
) -> None:
    """So what it says of the unchanged log is worth something."""
    with proxy(history.log.url, flip(path, at)) as url:
        done = run(readlog, history.log, url=url)

    assert done.returncode == 1
    assert done.stderr


def test_go_notices_an_entry_that_is_left_out(history: History, readlog: Path) -> None:
    def shorten(path: str, body: bytes) -> bytes:
        if path != "tile/entries/000":
            return body
        return body[2 + int.from_bytes(body[:2]) :]

    with proxy(history.log.url, shorten) as url:
        done = run(readlog, history.log, url=url)

    assert "entry bundle 0 ends in record 255" in done.stderr


def test_the_proxy_alone_changes_nothing(history: History, readlog: Path) -> None:
    with proxy(history.log.url, lambda _path, body: body) as url:
        done = run(readlog, history.log, url=url)

    assert done.returncode == 0, done.stderr


def test_go_notices_two_histories_of_one_log(
    serve: Serve, readlog: Path, tmp_path: Path
) -> None:
    """A copy of the log's folder, keys included, goes on with other entries."""
    created = serve(tmp_path / "one")
    created.site.append([entry(0)])
    shutil.copytree(
        tmp_path / "one",
        tmp_path / "other",
        ignore=shutil.ignore_patterns("admin.sock"),
    )
    other = serve(tmp_path / "other")
    assert other.vkey == created.vkey
    created.site.append([entry(index) for index in range(1, 300)])
    other.site.append([entry(index, "other") for index in range(1, 400)])
    shown_to_some = tmp_path / "checkpoint"
    shown_to_some.write_bytes(created.site.wait_for_checkpoint(300))

    assert run(readlog, other).returncode == 0
    done = run(readlog, other, shown_to_some)

    assert done.returncode == 1
    assert f"{shown_to_some}: " in done.stderr
