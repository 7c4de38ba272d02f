"""RFC 6962 section 4: what Certificate Transparency clients ask a log.

Always from the published checkpoint, whose note carries the signed tree head as a
0x05 signature (c2sp.org/static-ct-api). An entry stands in for the MerkleTreeLeaf
structure, as both are what the leaf hash is calculated over.
"""

from aiohttp import web

from merklelog.errors import MalformedRequest, NotFound
from merklelog.tlog.log import Log
from proofs.text import format_base64

from .documents import json_response
from .parameters import parse_hash, read_parameters, required_number
from .read import read_entry, read_range
from .state import log_of


async def get_sth(request: web.Request) -> web.Response:
    """Answer ``get-sth`` (section 4.3): the signed tree head."""
    log = log_of(request)
    read_parameters(request, ())
    head = log.published
    signature = log.keys.tree_head_signature(head.note)
    return json_response(
        {
            "tree_size": head.size,
            "timestamp": signature.timestamp_ms,
            "sha256_root_hash": format_base64(head.root_hash),
            "tree_head_signature": format_base64(signature.digitally_signed),
        },
        headers={"Cache-Control": "no-cache"},
    )


async def get_sth_consistency(request: web.Request) -> web.Response:
    """Answer ``get-sth-consistency?first=&second=`` (section 4.4)."""
    log = log_of(request)
    parameters = read_parameters(request, {"first", "second"})
    first = required_number(parameters, "first")
    second = _size(log, required_number(parameters, "second"), "second")
    if first > second:
        raise MalformedRequest(f"first {first} is larger than second", field="first")
    hashes = await log.reader.consistency_proof(first, second)
    return json_response({"consistency": [format_base64(node) for node in hashes]})


async def get_proof_by_hash(request: web.Request) -> web.Response:
    """Answer ``get-proof-by-hash?hash=&tree_size=`` (section 4.5)."""
    log = log_of(request)
    parameters = read_parameters(request, {"hash", "tree_size"})
    if "hash" not in parameters:
        raise MalformedRequest("parameter hash is missing", field="hash")
    entry_hash = parse_hash(parameters["hash"])
    size = _size(log, required_number(parameters, "tree_size"), "tree_size")
    index = await log.reader.find(entry_hash, size)
    if index is None:
        raise NotFound(f"no entry below {size} has that leaf hash")
    path = await log.reader.inclusion_proof(index, size)
    return json_response(
        {"leaf_index": index, "audit_path": [format_base64(node) for node in path]}
    )


async def get_entries(request: web.Request) -> web.Response:
    """Answer ``get-entries?start=&end=`` (section 4.6): both inclusive, truncated."""
    log = log_of(request)
    parameters = read_parameters(request, {"start", "end"})
    start = required_number(parameters, "start")
    end = required_number(parameters, "end")
    if start > end:
        raise MalformedRequest(f"start {start} lies behind end {end}", field="start")
    size = log.published.size
    if start >= size:
        raise NotFound(f"the published tree has {size} entries, none at {start}")
    entries = await read_range(log, start, end + 1, size=size)
    return json_response({"entries": [_leaf(entry) for entry in entries]})


async def get_entry_and_proof(request: web.Request) -> web.Response:
    """Answer ``get-entry-and-proof?leaf_index=&tree_size=`` (section 4.8)."""
    log = log_of(request)
    parameters = read_parameters(request, {"leaf_index", "tree_size"})
    index = required_number(parameters, "leaf_index")
    size = _size(log, required_number(parameters, "tree_size"), "tree_size")
    if index >= size:
        raise NotFound(f"the tree of size {size} has no entry {index}")
    path = await log.reader.inclusion_proof(index, size)
    return json_response(
        _leaf(await read_entry(log, index))
        | {"audit_path": [format_base64(node) for node in path]}
    )


def _size(log: Log, size: int, field: str) -> int:
    if size > log.published.size:
        raise NotFound(f"{field}: the published tree has size {log.published.size}")
    return size


def _leaf(entry: bytes) -> dict[str, object]:
    return {"leaf_input": format_base64(entry), "extra_data": ""}
