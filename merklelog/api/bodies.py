"""Request bodies: read within limits, and split into entries.

A body is attacker-controlled in size, speed, framing and content. What bounds each:

- size: ``max_body_bytes``, by Content-Length before reading and by count while reading
  (a chunked body announces nothing);
- speed: ``body_timeout`` for the whole of it, so that sending a byte now and then does
  not hold the connection;
- sum: all bodies being read together hold at most `BodyReader.total_limit` bytes, so
  that many slow senders do not add up;
- number of entries: ``max_batch_entries``, counted before anything is split.

Content-Encoding is refused: a small body that inflates would evade the first limit.
"""

import asyncio

from aiohttp import hdrs, web

from merklelog.errors import (
    BadEntry,
    BodyTooLarge,
    MalformedRequest,
    PoolFull,
    RequestTimeout,
    UnsupportedMediaType,
)
from merklelog.tlog.entries import check_entries


class BodyReader:
    """Reads request bodies. One for a server: it counts what all of them hold."""

    def __init__(self, *, limit: int, total_limit: int, timeout: float) -> None:
        """Bound a body to *limit* bytes and *timeout* seconds; all to *total_limit*."""
        self.limit = limit
        self.total_limit = total_limit
        self._timeout = timeout
        # Bytes of bodies that are being read. Owned by the event loop.
        self._held = 0

    async def read(self, request: web.BaseRequest) -> bytes:
        """Return the whole body of *request*.

        Raises:
            UnsupportedMediaType: it is compressed.
            BodyTooLarge: more bytes than the limit, announced or sent.
            RequestTimeout: it did not arrive in time.
            PoolFull: the bodies being read hold too much together.
            MalformedRequest: its chunks are not framed as HTTP says.
        """
        codings = request.headers.getall(hdrs.CONTENT_ENCODING, [])
        if any(coding != "identity" for coding in codings):
            raise UnsupportedMediaType("send the body without Content-Encoding")
        self._refuse_oversize(request.content_length or 0)
        try:
            if request.content.is_eof():
                # It came with its head, and aiohttp holds no more than a few reads.
                body = request.content.read_nowait()
                self._refuse_oversize(len(body))
                return body
            async with asyncio.timeout(self._timeout):
                return await self._collect(request)
        except TimeoutError as error:
            raise RequestTimeout(
                f"the body did not arrive within {self._timeout:g} seconds"
            ) from error
        except web.RequestPayloadError as error:
            raise MalformedRequest("the body is not framed as HTTP/1.1 says") from error

    async def _collect(self, request: web.BaseRequest) -> bytes:
        """Read chunk by chunk, counting."""
        # A bytearray: a list of chunks would cost forty bytes for each one-byte chunk.
        body = bytearray()
        try:
            while chunk := await request.content.readany():
                body += chunk
                self._held += len(chunk)
                self._refuse_oversize(len(body))
                if self._held > self.total_limit:
                    raise PoolFull(limit=self.total_limit)
            return bytes(body)
        finally:
            self._held -= len(body)

    def _refuse_oversize(self, size: int) -> None:
        if size > self.limit:
            raise BodyTooLarge(limit=self.limit)


def media_type(request: web.BaseRequest) -> str:
    """Return the media type of the body, in lower case and without parameters.

    A body without Content-Type is bytes (RFC 9110 section 8.3).

    Raises:
        UnsupportedMediaType: it claims a charset other than UTF-8.
    """
    header = request.headers.get(hdrs.CONTENT_TYPE)
    if header is None:
        return "application/octet-stream"
    essence, *parameters = header.split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().lower().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType("bodies are read as UTF-8 or as bytes")
    return essence.strip().lower()


def split_ndjson(body: bytes, *, limit: int) -> list[bytes]:
    """Return the lines of *body*, at most *limit*: the entries of an opaque log.

    Split at LF only, and one final LF is a terminator. Nothing is stripped: what is
    hashed is what was sent, a CR before the LF included.

    Raises:
        BodyTooLarge: more lines than *limit*.
        MalformedEntry: lines that are not UTF-8, each by its position.
    """
    lines_in_body = body.count(b"\n") + (not body.endswith(b"\n"))
    if lines_in_body > limit:
        raise BodyTooLarge(limit=limit, unit="entries")
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    # Looked at line by line only to name the bad ones: no character has an LF in it.
    if not _is_utf8(body):
        reason = "the line is not UTF-8"
        bad = [
            BadEntry(i, reason) for i, line in enumerate(lines) if not _is_utf8(line)
        ]
        check_entries(lines, bad)
    return lines


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
