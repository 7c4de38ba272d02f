"""Submitting: requests to entries, and what became of them to an answer.

::

    POST /logs/{log}/entries    one entry, or a batch
    POST /logs/{log}/add        one entry; answers its index and nothing else

A batch is all or nothing. No answer is sent before the entries are durable.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from aiohttp import web

from merklelog.errors import MalformedRequest, NoWitnessPolicy, UnsupportedMediaType
from merklelog.tlog.commitment import Replay
from merklelog.tlog.log import Log
from proofs.hashing import leaf_hash

from .answers import Appended, Options, Replayed, Stored, answer_batch, answer_single
from .bodies import media_type, split_ndjson
from .cborsequence import decode_byte_strings
from .parameters import one_of, optional_number, parse_flag, read_parameters
from .state import BODIES, CONFIG, RECEIPTS, log_of

BYTES = "application/octet-stream"

# How a body of each media type that holds a batch is split into entries.
_BATCHES: Mapping[str, Callable[..., list[bytes]]] = {
    "application/x-ndjson": split_ndjson,
    "application/cbor-seq": decode_byte_strings,
}

_PARAMETERS = frozenset({"wait", "receipt", "timeout", "leaf_hashes"})

# Stored for ever, but as a digest: the limit is for the sake of reading.
_MAX_KEY_LENGTH = 255

# Waiting for witnesses ends here whatever the client asks for, in seconds.
_MAX_TIMEOUT = 300


async def submit_entries(request: web.Request) -> web.StreamResponse:
    """Answer ``POST /logs/{log}/entries``."""
    log = log_of(request)
    parameters = read_parameters(request, _PARAMETERS)
    kind = media_type(request)
    limit = request.app[CONFIG].max_batch_entries
    if kind == BYTES:
        options = parse_options(parameters, receipt="full")
        stored = await _store(request, log, _only)
        return await answer_single(log.name, stored, options)
    split = _BATCHES.get(kind)
    if split is None:
        raise UnsupportedMediaType(
            f"an opaque log takes {', '.join([BYTES, *_BATCHES])}; not {kind[:64]!r}"
        )
    options = parse_options(parameters, receipt="summary")
    stored = await _store(request, log, partial(split, limit=limit))
    return await answer_batch(request, stored, options)


async def add_entry(request: web.Request) -> web.Response:
    """Answer ``POST /logs/{log}/add``: the index in decimal.

    Any Content-Type is bytes: load tools send none, or their library's default.
    """
    log = log_of(request)
    read_parameters(request, ())
    stored = await _store(request, log, _only)
    return web.Response(text=str(stored.first_index))


def parse_options(parameters: Mapping[str, str], *, receipt: str) -> Options:
    """Return what the query of a submission asks for; *receipt* is the default.

    Raises:
        MalformedRequest: a value that its parameter does not have.
        NoWitnessPolicy: it waits for witnesses, and the log has none.
    """
    wait = one_of(parameters, "wait", ("integrated", "sequenced", "witnessed"))
    if "receipt" in parameters:
        receipt = one_of(parameters, "receipt", ("full", "summary", "none"))
    leaf_hashes = parse_flag(parameters, "leaf_hashes")
    refuse_witnesses(parameters)
    return Options(wait == "sequenced", receipt, leaf_hashes)


def refuse_witnesses(parameters: Mapping[str, str]) -> None:
    """Refuse to wait for witnesses, and a time limit for it that is none.

    Raises:
        MalformedRequest: ``timeout`` is not a number of seconds in its range.
        NoWitnessPolicy: ``wait=witnessed``.
    """
    seconds = optional_number(parameters, "timeout")
    if seconds is not None and not 1 <= seconds <= _MAX_TIMEOUT:
        raise MalformedRequest(
            f"timeout is 1 to {_MAX_TIMEOUT} seconds", field="timeout"
        )
    if parameters.get("wait") == "witnessed":
        raise NoWitnessPolicy("this log has no witness policy to wait for")


def parse_idempotency_key(request: web.BaseRequest) -> str | None:
    """Return the Idempotency-Key header, or None where there is none.

    Raises:
        MalformedRequest: it is there twice, empty, too long or not printable ASCII.
    """
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        return None
    key = keys[0]
    printable = key.isascii() and key.isprintable()
    if len(keys) > 1 or not 1 <= len(key) <= _MAX_KEY_LENGTH or not printable:
        raise MalformedRequest(
            f"one Idempotency-Key of 1 to {_MAX_KEY_LENGTH} printable ASCII characters",
            field="Idempotency-Key",
        )
    return key


async def _store(
    request: web.Request, log: Log, split: Callable[[bytes], Sequence[bytes]]
) -> Stored:
    """Put the entries of *request* into *log*; return once they are durable."""
    key = parse_idempotency_key(request)
    # The body is held by nobody once it is split: what waits for the commit are the
    # entries, and those the pool's limit counts.
    entries = split(await request.app[BODIES].read(request))
    writer = request.app[RECEIPTS][log.name]
    if key is None:
        return Appended(await log.submit(entries), writer)
    outcome = await log.submit_once(entries, key=key)
    if not isinstance(outcome, Replay):
        return Appended(outcome, writer)
    # The same key is only accepted for the same entries, so their hashes are these.
    leaf_hashes = [leaf_hash(entry) for entry in entries]
    return Replayed(log.reader, outcome.first_index, leaf_hashes, log.head, writer)


def _only(body: bytes) -> Sequence[bytes]:
    return (body,)
