"""One log over HTTP: the requests of the public interface, and nothing more.

What arrives is untrusted: answers are bounded in size, redirects are not followed,
and nothing here says that anything was verified. That is for ``proofs``.
"""

import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from errno import errorcode
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from proofs.errors import MalformedError
from proofs.text import parse_base64

from .errors import BadAnswer, ServerProblem, Unreachable

# The largest answer that is asked for is a batch of full receipts, some 3 KB each.
MAX_ANSWER_SIZE = 64 * 1024 * 1024

# The longest line of a stream: an event with an entry of 65,535 bytes in base64.
_LINE_SIZE = 128 * 1024

# 256 entries of 65,535 bytes, each with its length.
_MAX_TILE_SIZE = 256 * (2 + 65_535)

# Problem documents are a sentence or two.
_MAX_PROBLEM_SIZE = 64 * 1024

# Seconds. A live stream has a comment every 15 s: one that is silent is dead.
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)


class LogClient:
    """A log under its URL, such as ``http://127.0.0.1:8080/logs/main``.

    An async context manager. Every method raises Unreachable, ServerProblem or
    BadAnswer.
    """

    def __init__(self, url: str, *, socket: str | None = None) -> None:
        """Talk to *url*; over the unix socket at path *socket* where one is named."""
        self.url = url.rstrip("/")
        self._socket = socket
        # Set between __aenter__ and __aexit__, which own it.
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; connections are made when requests need them."""
        connector: aiohttp.BaseConnector
        if self._socket is None:
            connector = aiohttp.TCPConnector(limit=0)
        else:
            connector = aiohttp.UnixConnector(self._socket)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, read_bufsize=_LINE_SIZE
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def checkpoint(self) -> bytes:
        """Return the published checkpoint, a signed note."""
        return await self.get("/checkpoint")

    async def tile(self, path: str) -> bytes:
        """Return the tile or entry bundle under *path* (c2sp.org/tlog-tiles)."""
        return await self.get(f"/{path}", limit=_MAX_TILE_SIZE)

    async def entry(self, index: int) -> bytes:
        """Return the bytes of one entry."""
        return await self.get(f"/entries/{index}")

    async def entries(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the entries of [start, end), however the server pages them."""
        while start < end:
            page = await self.get_json(f"/entries?start={start}&end={end}")
            listed = page.get("entries")
            if listed == []:
                raise BadAnswer(f"{self.url}: the log ends before entry {start}")
            if not isinstance(listed, list) or not 0 < len(listed) <= end - start:
                raise BadAnswer(f"{self.url}: no entries from {start} on in the answer")
            for text in listed:
                yield self._base64(text)
            start += len(listed)

    async def receipt(self, index: int, *, known: int | None = None) -> bytes:
        """Return the JSON receipt of *index*; with a proof from size *known* on."""
        query = "" if known is None else f"?known={known}"
        return await self.get(f"/receipts/{index}{query}")

    async def tlog_proof(self, index: int) -> bytes:
        """Return the receipt of *index* as a C2SP tlog-proof."""
        return await self.get(f"/receipts/{index}.tlog-proof")

    async def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the hashes that lead from *old_size* to *new_size*, unverified."""
        answer = await self.get_json(
            f"/proofs/consistency?from={old_size}&to={new_size}"
        )
        hashes = answer.get("hashes")
        if not isinstance(hashes, list):
            raise BadAnswer(f"{self.url}: a consistency proof without hashes")
        return [self._base64(text, length=32) for text in hashes]

    async def submit(
        self,
        body: bytes,
        *,
        content_type: str,
        receipts: str,
        idempotency_key: str | None = None,
    ) -> tuple[int, dict[str, object]]:
        """Post one body; return the status (201 appended, 200 was there) and answer.

        When it raises Unreachable, or ServerProblem with ``storage_failed``, the
        outcome is unknown: post the same body again with the same key.
        """
        headers = {"Content-Type": content_type}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        path = f"/entries?receipt={receipts}"
        async with self._request("POST", path, headers=headers, body=body) as response:
            return response.status, self._object(await _read(response, MAX_ANSWER_SIZE))

    async def get(self, path: str, *, limit: int = MAX_ANSWER_SIZE) -> bytes:
        """Return the body under *path*, of at most *limit* bytes."""
        async with self._request("GET", path) as response:
            return await _read(response, limit)

    async def get_json(self, path: str) -> dict[str, object]:
        """Return the JSON object under *path*."""
        return self._object(await self.get(path))

    async def post_json(
        self, path: str, document: Mapping[str, object]
    ) -> AsyncIterator[dict[str, object]]:
        """Post *document*; yield the objects of the answer, one a line."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps(document).encode("utf-8")
        async with self._request("POST", path, headers=headers, body=body) as response:
            async for line in response.content:
                if not line.isspace():
                    yield self._object(line)

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the lines of an answer that does not end, as they arrive."""
        async with self._request("GET", path, headers=headers) as response:
            yield aiter(response.content)

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request; raise what its failure is called in this package."""
        if self._session is None:
            raise RuntimeError("use LogClient in an async with statement")
        try:
            async with self._session.request(
                method,
                self.url + path,
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise await self._problem(response)
                yield response
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"cannot reach {self.url}: {_reason(error)}: is the server running "
                "there?"
            ) from error
        except (HttpProcessingError, ValueError) as error:
            # A line beyond the buffer, bytes that are no text, a URL that is none.
            raise BadAnswer(f"{self.url}: {error}") from error

    async def _problem(self, response: aiohttp.ClientResponse) -> ServerProblem:
        body = await _read(response, _MAX_PROBLEM_SIZE)
        try:
            document = self._object(body)
        except BadAnswer:
            document = {}
        retry_after = response.headers.get("Retry-After", "")
        known = isinstance(document.get("code"), str)
        return ServerProblem(
            status=response.status,
            code=str(document["code"]) if known else "not_a_log_server",
            detail=str(document.get("detail", response.reason))
            if known
            else f"{self.url} is not the URL of a log, which ends in /logs/NAME",
            retry_after=float(retry_after) if retry_after.isdecimal() else None,
        )

    def _object(self, body: bytes) -> dict[str, object]:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(f"{self.url}: the answer is not JSON") from error
        if not isinstance(document, dict):
            raise BadAnswer(f"{self.url}: the answer is not a JSON object")
        return document

    def _base64(self, text: object, *, length: int | None = None) -> bytes:
        try:
            return parse_base64(str(text), length=length)
        except MalformedError as error:
            raise BadAnswer(f"{self.url}: {error}") from error


def _reason(error: Exception) -> str:
    """Return why there was no answer, in the words of the operating system."""
    cause: object = error
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(
        error, aiohttp.ClientConnectorCertificateError
    ):
        cause = error.os_error
        if isinstance(cause, ssl.SSLError):
            return f"no TLS ({cause.reason}), though the URL begins with https"
        number = cause.errno or 0
        if number in errorcode:
            return os.strerror(number)
    return str(cause) or "it does not answer in time"


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body, or refuse it as soon as it exceeds *limit* bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise BadAnswer(
                f"{response.url}: the answer is larger than {limit:,} bytes"
            )
    return b"".join(chunks)
