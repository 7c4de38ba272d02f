"""The server as a process: its URLs, its admin socket, and how it stops."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from merklelog.config import ServerConfig
from merklelog.errors import ConfigError
from merklelog.server import ADMIN_SOCKET, serve
from merklelog.tlog.folder import LogFolder
from merklelog.tlog.log import Log

PROGRAM = """
import sys
from pathlib import Path
from typing import Any
from merklelog.config import ServerConfig
from merklelog.server import run
run(Path(sys.argv[1]), ServerConfig(listen="127.0.0.1:0"),
    on_ready=lambda urls: print(*urls, flush=True))
"""


@asynccontextmanager
async def process(data: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run a server in a process of its own; give it and the URL of its first log."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(data), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        line = await asyncio.wait_for(server.stdout.readline(), 30)
        yield server, line.decode().split()[0]
    finally:
        with suppress(ProcessLookupError):
            server.kill()
        await server.wait()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Return a folder of two logs."""
    for name in ("main", "other"):
        await LogFolder.create(tmp_path / name, origin=f"example.com/{name}")
    return tmp_path


@asynccontextmanager
async def serving_here(data: Path) -> AsyncIterator[list[str]]:
    """Run the server in this loop; give the URLs of its logs."""
    ready: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    config = ServerConfig(listen="127.0.0.1:0")
    server = asyncio.create_task(serve(data, config, on_ready=ready.set_result))
    waiting: set[asyncio.Future[Any]] = {server, ready}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        await server
    try:
        yield await ready
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await server


async def test_every_log_of_a_folder_is_served(data: Path) -> None:
    """Each under its name, and its URL is told."""
    async with serving_here(data) as urls, aiohttp.ClientSession() as session:
        assert [url.rpartition("/")[2] for url in urls] == ["main", "other"]
        for url in urls:
            async with session.get(f"{url}/checkpoint") as response:
                assert response.status == 200


async def test_the_folder_of_one_log_is_served(data: Path) -> None:
    """DIR may be the log itself."""
    async with serving_here(data / "other") as urls:
        assert [url.rpartition("/")[2] for url in urls] == ["other"]


async def test_a_folder_without_logs(tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(ConfigError, match="merklelog init"):
        await serve(tmp_path, ServerConfig(), on_ready=print)


async def test_the_admin_socket_is_for_its_owner_alone(data: Path) -> None:
    """Mode 0600; gone when the server has stopped."""
    path = data / ADMIN_SOCKET
    async with serving_here(data):
        mode = path.stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        connector = aiohttp.UnixConnector(str(path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get("http://admin/logs/main/stats") as response,
        ):
            assert (await response.json())["name"] == "main"
    assert not path.exists()


async def test_a_socket_left_behind_is_replaced(data: Path) -> None:
    """A server that was killed does not keep the next from starting."""
    (data / ADMIN_SOCKET).touch()
    async with serving_here(data):
        assert stat.S_ISSOCK((data / ADMIN_SOCKET).stat().st_mode)


async def test_a_path_too_long_for_a_socket_is_served_all_the_same(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without administration while serving, and a warning says so."""
    deep = data / ("x" * 120)
    deep.mkdir()
    (data / "main").rename(deep / "main")
    async with serving_here(deep) as urls:
        assert len(urls) == 1
    assert "no administration" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_was_taken_is_answered_when_the_server_stops(
    data: Path, number: signal.Signals
) -> None:
    """Every request under way gets its answer, and is in the log afterwards."""
    async with process(data) as (server, url), aiohttp.ClientSession() as session:
        answered: list[bytes] = []

        async def submit(i: int) -> None:
            for j in range(1000):
                entry = b"%d.%d" % (i, j)
                try:
                    async with session.post(f"{url}/add", data=entry) as response:
                        if response.status == 200:
                            answered.append(entry)
                except aiohttp.ClientError:
                    return

        clients = [asyncio.create_task(submit(i)) for i in range(20)]
        await asyncio.sleep(0.5)
        server.send_signal(number)
        assert await asyncio.wait_for(server.wait(), 15) == 0
        await asyncio.wait_for(asyncio.gather(*clients), 15)
    assert answered
    async with Log.open(data / "main") as log:
        stored = set(await log.reader.entries(0, log.head.size))
    assert stored.issuperset(answered)


async def test_an_open_stream_does_not_hold_up_stopping(data: Path) -> None:
    """Endless answers end when the server stops."""
    async with (
        process(data) as (server, url),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/tail") as response,
    ):
        assert response.status == 200
        server.terminate()
        assert await asyncio.wait_for(server.wait(), 10) == 0


async def test_a_log_that_is_held_stops_the_second_server(data: Path) -> None:
    """Two owners of one store could sign two histories."""
    async with process(data):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(data), stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(second.communicate(), 30)
        assert second.returncode
        assert b"StoreHeld" in errors
        # And the first keeps its admin socket.
        assert (data / ADMIN_SOCKET).exists()
