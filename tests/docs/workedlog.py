"""A log with fixed keys and a fixed clock: the bytes that the documentation shows.

Everything is what the real code writes, over HTTP where it can be had there. Keys,
times and the randomness of ECDSA are pinned, so that it is the same in every run.
"""

import json
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest
from apiserver import NDJSON, Answer, Api, serving
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

from merklelog.clock import parse_time
from merklelog.config import CheckpointConfig, LogConfig, write_log_config
from merklelog.storage.interface import Store
from merklelog.tlog import folder, keyfiles, keys, sequencer
from merklelog.tlog.log import Log
from proofs.note import parse_note

ORIGIN = "example.com/audit"
SEED = bytes(range(32))

ENTRIES = [
    b'{"actor":"u_77","action":"login"}',
    b'{"actor":"u_77","action":"card.delete","outcome":"denied"}',
    b'{"actor":"u_77","action":"logout"}',
]

_STARTED = parse_time("2026-11-21T10:00:00.123Z")


def pin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take chance out: a clock that moves a second a signature, ECDSA of RFC 6979."""
    ticks = count(_STARTED, 1000)

    def tick() -> int:
        return next(ticks)

    monkeypatch.setattr(sequencer, "now_ms", tick)
    monkeypatch.setattr(folder, "now_ms", tick)
    deterministic = ec.ECDSA(SHA256(), deterministic_signing=True)
    monkeypatch.setattr(keys, "_ECDSA_SHA256", deterministic)


async def make_folder(path: Path) -> Mapping[str, str]:
    """Make the log at *path*; return its key files as they are shown."""
    checkpoint_key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    tree_head_key = ec.derive_private_key(int.from_bytes(SEED), ec.SECP256R1())
    verifiers = keys.LogKeys(ORIGIN, checkpoint_key, tree_head_key).verifiers
    contents = {
        keyfiles.SKEY: keyfiles.format_skey(ORIGIN, checkpoint_key),
        keyfiles.STH: keyfiles.format_sth_key(tree_head_key),
        keyfiles.VKEY: keyfiles.format_vkeys(verifiers),
    }
    keyfiles.write_key_files(path / "keys", contents)
    await folder.LogFolder.create(path, origin=ORIGIN)
    shown = {name: data.decode() for name, data in contents.items()}
    shown["log.toml"] = (path / "log.toml").read_text("utf-8")
    publish_often = LogConfig(origin=ORIGIN, checkpoint=CheckpointConfig(interval=0.01))
    write_log_config(path / "log.toml", publish_often)
    return shown


async def worked_log(path: Path) -> Mapping[str, str]:
    """Make, fill and read the log at *path*; return what pages show of it, by name."""
    shown = dict(await make_folder(path))
    async with Log.open(path) as log, serving(log) as api:
        shown |= await _submissions(api)
        await _published(log, len(ENTRIES))
        shown |= await _answers(api)

        async def handle(_first: int, _entries: object) -> None:
            """Take note of nothing: what is shown is that the place is stored."""

        async with log.follow("archive", handle) as follower:
            while follower.next_index < len(ENTRIES):
                await log.reader.logged_at(0)
        # Its place is stored when a follower stops.
        shown["guard"] = log.published.note.decode()
        shown["store"] = await _store(log.store)
    return shown


async def _submissions(api: Api) -> Mapping[str, str]:
    batch = b"".join(entry + b"\n" for entry in ENTRIES[:2])
    once = {"Idempotency-Key": "import-7"}
    summary = await api.submit(batch, headers=NDJSON | once)
    replay = await api.submit(batch, headers=NDJSON | once)
    conflict = await api.submit(ENTRIES[2], headers={**NDJSON, **once})
    receipt = await api.submit(ENTRIES[2])
    assert (summary.status, replay.status, receipt.status) == (201, 200, 201)
    bad = await api.submit(b"fine\n\xff\n", headers=NDJSON)
    return {
        "summary": _json(summary),
        "replay": _json(replay),
        "conflict": _json(conflict),
        "receipt": _json(receipt),
        "bad batch": _json(bad),
    }


async def _published(log: Log, size: int) -> None:
    """Wait until the checkpoint of *size* is the public one."""
    while log.published.size < size:
        await log.reader.logged_at(0)


async def _answers(api: Api) -> Mapping[str, str]:
    note = (await api.get("/checkpoint")).body
    tree_head_line = parse_note(note).signatures[1].signature
    shown = {
        "checkpoint": note.decode(),
        "tree head signature": _hex(tree_head_line),
        "tile": _hex((await api.get("/tile/0/000.p/3")).body),
        "bundle": _hex((await api.get("/tile/entries/000.p/3")).body),
        "tlog-proof": (await api.get("/receipts/1.tlog-proof")).body.decode(),
        "receipt of 1": _json(await api.get("/receipts/1?known=2&entry=true")),
    }
    for name, path in {
        "inclusion": "/proofs/inclusion?index=1",
        "consistency": "/proofs/consistency?from=2&to=3",
        "entries": "/entries?start=0&end=2",
        "get-sth": "/ct/v1/get-sth",
        "keys": "/keys",
        "beyond": "/receipts/3",
    }.items():
        shown[name] = _json(await api.get(path))
    return shown


async def _store(store: Store) -> str:
    """Return every key and value of *store*, in the order of the keys."""
    pairs = await store.scan(b"\x00", b"\xff", limit=1000)
    return "\n".join(f"{_key(key)}\n{_hex(value, '    ')}" for key, value in pairs)


def _key(key: bytes) -> str:
    """Return *key* as its letter, and the rest in hex."""
    return f"{chr(key[0])} {key[1:].hex()}".strip()


def _hex(data: bytes, indent: str = "") -> str:
    """Return *data* in hex, 32 bytes a line."""
    lines = (data[start : start + 32].hex() for start in range(0, len(data), 32))
    return "".join(f"{indent}{line}\n" for line in lines)


def _json(answer: Answer) -> str:
    """Return the JSON of *answer*, each member on a line of its own.

    The bytes are one line. Where a member or an element of an array ends, the shown
    text goes on in the next line; nothing else is added.
    """
    text = answer.body.decode()
    json.loads(text)
    return re.sub(r'([\]"}0-9],)(?=["{\[])', r"\1\n ", text) + "\n"
