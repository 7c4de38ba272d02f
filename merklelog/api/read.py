"""Reading: the checkpoint, tiles and entry bundles (c2sp.org/tlog-tiles), entries.

What is served lies under a signed checkpoint: sizes are those of the log's head, never
those of what happens to be in the store.
"""

import asyncio
import gzip

from aiohttp import hdrs, web

from merklelog.errors import MalformedRequest, NotFound
from merklelog.tlog.log import Log
from proofs.errors import MalformedTile
from proofs.text import format_base64
from proofs.tiles import Bundle, Tile, parse_tile_path, tile_width

from .cborsequence import encode_byte_strings
from .documents import json_response
from .negotiation import accepts_gzip, best_media_type
from .parameters import optional_number, parse_number, read_parameters
from .state import log_of

_TILE_HEADERS = {
    hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
    # A tile is bytes of the log's submitters: no browser is to guess that it is HTML.
    "X-Content-Type-Options": "nosniff",
}

# Entries in one answer, and bytes after which no further ones are read. A range that
# is longer is truncated: the client goes on from "next".
_MOST_ENTRIES = 1_000
_MOST_BYTES = 4 * 1024 * 1024

# Entries read at once: at most 4 MiB, since none has more than 65,535 bytes.
_ENTRIES_A_READ = 64


async def get_checkpoint(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/checkpoint``: the published one, a signed note."""
    read_parameters(request, ())
    return web.Response(
        body=log_of(request).published.note,
        headers={
            hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
            hdrs.CACHE_CONTROL: "no-cache",
        },
    )


async def get_tile(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/tile/...``: a tile, or an entry bundle."""
    log = log_of(request)
    tile = _requested_tile(request, log)
    if isinstance(tile, Tile):
        return _tile_response(await log.reader.tile(tile))
    data = await log.reader.bundle(tile)
    if not accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING)):
        return _tile_response(data, {hdrs.VARY: hdrs.ACCEPT_ENCODING})
    # Up to 16 MiB: seconds of other requests, were it done in the loop.
    packed = await asyncio.to_thread(gzip.compress, data, mtime=0)
    return _tile_response(
        packed, {hdrs.VARY: hdrs.ACCEPT_ENCODING, hdrs.CONTENT_ENCODING: "gzip"}
    )


async def get_entry(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/entries/{index}``: the bytes of one entry."""
    log = log_of(request)
    read_parameters(request, ())
    index = parse_number(request.match_info["index"], field="index")
    return web.Response(
        body=await read_entry(log, index),
        content_type="application/octet-stream",
        headers={"X-Content-Type-Options": "nosniff"},
    )


async def get_entries(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/entries?start=&end=``: a half-open range, truncated."""
    log = log_of(request)
    parameters = read_parameters(request, {"start", "end"})
    start = optional_number(parameters, "start") or 0
    end = optional_number(parameters, "end")
    if end is None:
        end = max(start, log.head.size)
    if start > end:
        raise MalformedRequest(f"start {start} lies behind end {end}", field="start")
    offers = ("application/json", "application/cbor-seq")
    kind = best_media_type(request.headers.get(hdrs.ACCEPT), offers)
    entries = await read_range(log, start, end, size=log.head.size)
    if kind == "application/cbor-seq":
        return web.Response(
            body=encode_byte_strings(entries),
            content_type=kind,
            headers={hdrs.VARY: hdrs.ACCEPT},
        )
    return json_response(
        {
            "start": start,
            "entries": [format_base64(entry) for entry in entries],
            "next": start + len(entries),
        },
        headers={hdrs.VARY: hdrs.ACCEPT},
    )


async def read_entry(log: Log, index: int) -> bytes:
    """Return the entry at *index*.

    Raises:
        NotFound: *index* lies beyond the signed tree.
    """
    require_index(log, index)
    (entry,) = await log.reader.entries(index, index + 1)
    return entry


async def read_range(log: Log, start: int, end: int, *, size: int) -> list[bytes]:
    """Return entries [start, end) of the tree of *size*, or a first part of them.

    At least one where there is one; none for the empty range at the tree's end.

    Raises:
        NotFound: *start* lies beyond the tree.
    """
    if start > size:
        raise NotFound(f"the signed tree has {size} entries, none at {start}")
    end = min(end, size, start + _MOST_ENTRIES)
    entries: list[bytes] = []
    held = 0
    while start < end and held < _MOST_BYTES:
        page = await log.reader.entries(start, min(start + _ENTRIES_A_READ, end))
        entries += page
        held += sum(map(len, page))
        start += len(page)
    return entries


def require_index(log: Log, index: int) -> None:
    """Raise NotFound unless *index* lies within the signed tree of *log*."""
    if index >= log.head.size:
        raise NotFound(f"the signed tree has {log.head.size} entries, none at {index}")


def _requested_tile(request: web.Request, log: Log) -> Tile | Bundle:
    """Return the tile that the request names, if the signed tree has it."""
    # The path as it was sent: decoded, %2F and the like would match what they are not.
    prefix = f"/logs/{log.name}/"
    path = request.rel_url.raw_path
    try:
        tile = parse_tile_path(path.removeprefix(prefix))
    except MalformedTile as error:
        raise NotFound(str(error)) from error
    level = tile.level if isinstance(tile, Tile) else 0
    if tile.width > tile_width(level, tile.index, log.head.size):
        raise NotFound(f"the signed tree of size {log.head.size} has no {tile.path}")
    if request.rel_url.query_string:
        raise NotFound("a tile has no query")
    return tile


def _tile_response(data: bytes, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=data,
        content_type="application/octet-stream",
        headers=_TILE_HEADERS | (headers or {}),
    )
