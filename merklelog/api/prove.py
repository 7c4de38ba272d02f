"""Proving: inclusion, consistency, receipts.

A proof without ``size`` (or ``to``) is given under the published checkpoint; under the
newest signed one where the index lies beyond the published tree. Nothing is proven
beyond the signed tree.
"""

from dataclasses import replace

from aiohttp import hdrs, web

from merklelog.errors import MalformedRequest, NotFound
from merklelog.tlog.head import Head
from merklelog.tlog.log import Log
from proofs.hashing import leaf_hash
from proofs.receipt import Receipt, format_receipt
from proofs.text import format_base64
from proofs.tlogproof import TlogProof, format_tlog_proof

from .documents import json_response
from .negotiation import best_media_type
from .parameters import (
    one_of,
    optional_number,
    parse_flag,
    parse_hash,
    parse_number,
    read_parameters,
    required_number,
)
from .read import read_entry, require_index
from .state import log_of
from .submit import refuse_witnesses

_TLOG_PROOF = ".tlog-proof"


async def get_inclusion(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/proofs/inclusion?index= or hash=[&size=]``."""
    log = log_of(request)
    parameters = read_parameters(request, {"index", "hash", "size"})
    if ("index" in parameters) == ("hash" in parameters):
        raise MalformedRequest("give either index or hash", field="index")
    size = optional_number(parameters, "size")
    if "hash" in parameters:
        entry_hash = parse_hash(parameters["hash"])
        index, size = await _locate(log, entry_hash, size)
    else:
        index = required_number(parameters, "index")
        size = _size_for(log, index, size)
        entry_hash = leaf_hash(await read_entry(log, index))
    hashes = await log.reader.inclusion_proof(index, size)
    return json_response(
        {
            "index": index,
            "size": size,
            "leaf_hash": format_base64(entry_hash),
            "root_hash": format_base64(await log.reader.root_at(size)),
            "hashes": [format_base64(node) for node in hashes],
        }
    )


async def get_consistency(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/proofs/consistency?from=&to=``."""
    log = log_of(request)
    parameters = read_parameters(request, {"from", "to"})
    old = required_number(parameters, "from")
    new = optional_number(parameters, "to")
    if new is None:
        new = log.published.size if old <= log.published.size else log.head.size
    require_size(log, max(old, new))
    if old > new:
        raise MalformedRequest(f"from {old} is larger than to {new}", field="from")
    hashes = await log.reader.consistency_proof(old, new)
    return json_response(
        {"from": old, "to": new, "hashes": [format_base64(node) for node in hashes]}
    )


async def get_receipt(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/receipts/{index}``, as JSON or as a C2SP tlog-proof."""
    log = log_of(request)
    parameters = read_parameters(request, {"known", "entry", "wait", "timeout"})
    one_of(parameters, "wait", ("integrated", "witnessed"))
    refuse_witnesses(parameters)
    text = request.match_info["index"]
    index = parse_number(text.removesuffix(_TLOG_PROOF), field="index")
    kind = _receipt_type(request, text)
    known = optional_number(parameters, "known")
    with_entry = parse_flag(parameters, "entry")
    if kind == "text/plain" and (known is not None or with_entry):
        raise MalformedRequest("a tlog-proof holds neither entry nor consistency proof")
    require_index(log, index)
    require_size(log, known or 0)
    head = _head_for(log, index, known or 0)
    receipt = await log.reader.receipt(index, head, known=known)
    if with_entry:
        receipt = replace(receipt, entry=await read_entry(log, index))
    return web.Response(
        body=_format(receipt, kind),
        headers={
            hdrs.CONTENT_TYPE: "text/plain; charset=utf-8"
            if kind == "text/plain"
            else kind,
            hdrs.VARY: hdrs.ACCEPT,
        },
    )


def require_size(log: Log, size: int) -> None:
    """Raise NotFound unless the signed tree of *log* has at least *size* leaves."""
    if size > log.head.size:
        raise NotFound(f"the signed tree has size {log.head.size}, not {size}")


async def _locate(log: Log, entry_hash: bytes, size: int | None) -> tuple[int, int]:
    """Return the lowest index of an entry with that leaf hash, and the size to use."""
    if size is not None:
        require_size(log, size)
    sizes = (log.published.size, log.head.size) if size is None else (size,)
    for candidate in sizes:
        index = await log.reader.find(entry_hash, candidate)
        if index is not None:
            return index, candidate
    raise NotFound(f"no entry below {sizes[-1]} has the leaf hash {entry_hash.hex()}")


def _size_for(log: Log, index: int, size: int | None) -> int:
    """Return the size under which to prove *index*; *size* where it is given."""
    require_index(log, index)
    if size is None:
        return _head_for(log, index).size
    require_size(log, size)
    if index >= size:
        raise NotFound(f"the tree of size {size} has no entry {index}")
    return size


def _head_for(log: Log, index: int, known: int = 0) -> Head:
    """Return the published head, or the newest where that does not reach so far."""
    published = log.published
    return published if index < published.size and known <= published.size else log.head


def _receipt_type(request: web.Request, text: str) -> str:
    if text.endswith(_TLOG_PROOF):
        return "text/plain"
    offers = ("application/json", "text/plain")
    return best_media_type(request.headers.get(hdrs.ACCEPT), offers)


def _format(receipt: Receipt, kind: str) -> bytes:
    if kind == "application/json":
        return format_receipt(receipt)
    return format_tlog_proof(
        TlogProof(receipt.index, receipt.inclusion_proof, receipt.checkpoint)
    )
