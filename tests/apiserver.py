"""A server in the test's own loop, on real sockets, and a client of raw answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from merklelog.api.app import make_app
from merklelog.api.front import FrontRunner
from merklelog.config import ServerConfig
from merklelog.metrics import Metrics
from merklelog.tlog.log import Log

BYTES = {"Content-Type": "application/octet-stream"}
NDJSON = {"Content-Type": "application/x-ndjson"}
CBOR = {"Content-Type": "application/cbor-seq"}


Body = bytes | None


class Answer(NamedTuple):
    """An HTTP answer, its body as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - what it is, is what tests look at
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["code"])


class Api:
    """One served log, seen from outside."""

    def __init__(
        self,
        log: Log,
        url: str,
        session: aiohttp.ClientSession,
        app: web.Application,
        runner: FrontRunner,
    ) -> None:
        self.log = log
        self.url = url
        self.session = session
        self.app = app
        self._runner = runner

    async def request(
        self,
        method: str,
        path: str,
        data: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; *path* is relative to the log, or begins with ``//``."""
        url = self.url + (path[1:] if path.startswith("//") else f"/logs/main{path}")
        # Encoded already: what is tested is often how it is encoded.
        target = URL(url, encoded=True)
        async with self.session.request(
            method, target, data=data, headers=headers
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET *path*; a header such as ``Accept_Encoding``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("GET", path, headers=named)

    async def submit(
        self,
        data: Body,
        query: str = "",
        headers: Mapping[str, str] = BYTES,
    ) -> Answer:
        return await self.request("POST", f"/entries{query}", data, headers)

    def unsent_bytes(self) -> int:
        """Return how much the server holds for clients that do not read."""
        return sum(transport.get_write_buffer_size() for transport in self.transports())

    def transports(self) -> list[asyncio.Transport]:
        """Return the server's ends of its connections."""
        server = self._runner.server
        assert server is not None
        found = [connection.transport for connection in server.connections]
        return [transport for transport in found if transport is not None]

    async def submit_published(self, data: bytes) -> None:
        """Submit lines, see them published, and let nothing be published after them."""
        publisher = self.log._publisher
        publisher._interval = 0.0
        await self.submit(data, headers=NDJSON)
        assert self.log.published is self.log.head
        publisher._interval = 3600.0

    async def raw(self, data: bytes) -> bytes:
        """Send *data* on its own connection; return all until the server closes it."""
        reader, writer = await self.connect()
        writer.write(data)
        await writer.drain()
        try:
            return await reader.read()
        finally:
            writer.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the server."""
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)


@asynccontextmanager
async def serving(log: Log, config: ServerConfig | None = None) -> AsyncIterator[Api]:
    """Serve *log* as "main" for the length of the block."""
    app = make_app({"main": log}, config or ServerConfig(), Metrics())
    runner = FrontRunner(app, shutdown_timeout=5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession(
            auto_decompress=False, skip_auto_headers=["Accept", "Accept-Encoding"]
        ) as session:
            yield Api(log, site.name, session, app, runner)
    finally:
        await runner.cleanup()
