"""The server: every part put together, started, and stopped in order.

Stopping (SIGTERM or SIGINT) loses nothing that was taken:

1. the listening sockets close, and idle connections;
2. requests that are under way are answered, which includes their commit; endless
   streams end; what has not ended after ``shutdown_timeout`` is cut off;
3. each log commits what its pool still holds, writes its rollback guard, and closes.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from errno import errorcode
from pathlib import Path

import uvloop
from aiohttp import web

from merklelog.api.admin import make_admin_app
from merklelog.api.app import make_app
from merklelog.api.front import FrontRunner
from merklelog.config import ServerConfig
from merklelog.errors import ConfigError
from merklelog.metrics import Metrics
from merklelog.tlog.folder import CONFIG_FILE
from merklelog.tlog.log import Log

logger = logging.getLogger(__name__)

ADMIN_SOCKET = "admin.sock"

# Connections that wait to be accepted. The kernel may cap it lower.
_BACKLOG = 1024


def run(
    data: Path, config: ServerConfig, *, on_ready: Callable[[list[str]], None]
) -> None:
    """Serve the logs of *data* on a new event loop, until told to stop; see `serve`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(data, config, on_ready=on_ready))


async def serve(
    data: Path, config: ServerConfig, *, on_ready: Callable[[list[str]], None]
) -> None:
    """Serve the logs of *data* until SIGTERM or SIGINT, and stop in order.

    *data* is a folder of logs or the folder of one. *on_ready* gets the URL of each
    log once the server listens.

    Raises:
        ConfigError: there is no log.
        OSError: the address cannot be bound.
        MerklelogError: as `Log.open` does.
    """
    host, port = config.address
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        logs = await _open_logs(stack, data, config, metrics)
        runner = FrontRunner(
            make_app(logs, config, metrics), shutdown_timeout=config.shutdown_timeout
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            number = error.errno or 0
            reason = os.strerror(number) if number in errorcode else error
            raise OSError(
                error.errno,
                f"cannot listen on {host}, port {port}: {reason}: name another address "
                "with --listen",
            ) from error
        await _start_admin(stack, data, logs)
        # What is alive now lives as long as the server: the collector need not walk
        # it again and again while requests wait.
        gc.collect()
        gc.freeze()
        on_ready([f"{site.name}/logs/{name}" for name in logs])
        await stop.wait()
        logger.info("stopping: finishing what was taken")


def log_folders(data: Path) -> list[Path]:
    """Return the folders of the logs in *data*, or *data* where it is one log.

    Raises:
        ConfigError: there is none.
    """
    if (data / CONFIG_FILE).is_file():
        return [data]
    folders = sorted(file.parent for file in data.glob(f"*/{CONFIG_FILE}"))
    if not folders:
        raise ConfigError(
            [f"{data}: there is no log here; `merklelog init --data {data}` makes one"]
        )
    return folders


def _stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _open_logs(
    stack: AsyncExitStack, data: Path, config: ServerConfig, metrics: Metrics
) -> Mapping[str, Log]:
    """Open every log of *data*; *stack* closes them. One that cannot open stops all."""
    logs: dict[str, Log] = {}
    for folder in log_folders(data):
        log = await stack.enter_async_context(
            Log.open(
                folder,
                pool_bytes=config.pool_bytes,
                reader_threads=config.reader_threads,
                metrics=metrics.for_log(folder.resolve().name),
            )
        )
        logs[log.name] = log
    return logs


async def _start_admin(
    stack: AsyncExitStack, data: Path, logs: Mapping[str, Log]
) -> None:
    """Listen on the admin socket until *stack* ends. The logs are held by now."""
    path = data / ADMIN_SOCKET
    runner = web.AppRunner(make_admin_app(logs), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    # A server that was killed leaves its socket behind.
    with suppress(FileNotFoundError):
        path.unlink()
    try:
        listener = _private_socket(path)
    except OSError as error:
        # Usually a path of more than 107 bytes, which no socket can have. The logs
        # can be served all the same.
        logger.warning("%s: no administration while serving: %s", path, error)
        return
    stack.callback(path.unlink, missing_ok=True)
    await web.SockSite(runner, listener).start()


def _private_socket(path: Path) -> socket.socket:
    """Return a socket at *path* that only its owner can connect to, from the start."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
