"""Following a log's Server-Sent Events (WHATWG HTML section 9.2).

The stream's event is ``entry``. A lost connection is made again from the index after
the last one seen, so that nothing is missed and nothing comes twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from proofs.checkpoint import parse_checkpoint
from proofs.errors import MalformedError
from proofs.hashing import leaf_hash
from proofs.note import parse_note
from proofs.text import parse_base64

from .errors import BadAnswer, Unreachable
from .http import LogClient

_RECONNECT_DELAY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class TailEntry:
    """One entry of the stream. Not proven: a receipt is."""

    index: int
    leaf_hash: bytes
    entry: bytes


async def tail(client: LogClient, start: int | None) -> AsyncIterator[TailEntry]:
    """Yield entries from index *start* on (None: from now on), without an end.

    Raises:
        Unreachable: the first connection fails. Later ones are made again.
        BadAnswer: an event that does not hold together, or out of order.
    """
    following = await _published_size(client) if start is None else start
    connected = False
    while True:
        path = f"/tail?from={following}"
        try:
            async with client.stream(path, {"Accept": "text/event-stream"}) as lines:
                connected = True
                async for data in _events(lines):
                    found = _parse_entry(data)
                    if found.index != following:
                        raise BadAnswer(
                            f"{client.url}: entry {found.index} came in place of "
                            f"entry {following}"
                        )
                    following += 1
                    yield found
        except Unreachable:
            if not connected:
                raise
        await asyncio.sleep(_RECONNECT_DELAY)


async def _published_size(client: LogClient) -> int:
    """Return where the log ends now, by its own word: only a place to begin."""
    try:
        return parse_checkpoint(parse_note(await client.checkpoint()).text).size
    except MalformedError as error:
        raise BadAnswer(f"{client.url}: {error}") from error


async def _events(lines: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the data of each ``entry`` event. Comments keep the connection alive."""
    kind, data = "message", list[str]()
    async for raw in lines:
        line = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data.append(value)
        elif not line:
            if data and kind == "entry":
                yield "\n".join(data)
            kind, data = "message", []


def _parse_entry(data: str) -> TailEntry:
    try:
        document = json.loads(data)
        index, entry = document["index"], parse_base64(document["entry"])
        claimed = parse_base64(document["leaf_hash"], length=32)
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        MalformedError,
    ) as error:
        raise BadAnswer("an event of the stream is not an entry") from error
    if claimed != leaf_hash(entry) or not isinstance(index, int):
        raise BadAnswer(f"entry {index}: its leaf hash is that of other bytes")
    return TailEntry(index, claimed, entry)
