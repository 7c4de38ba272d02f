"""A client that submits as fast as it can, and keeps what it was told.

Run as a program: ``python crashclient.py URL FILE NAME``. Each acknowledged entry goes
to FILE as a line of JSON, the entry and its receipt, after the server answered. Ends
when the server does not answer any more.
"""

import base64
import http.client
import itertools
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from proofs.text import parse_base64

Acknowledged = tuple[bytes, dict[str, object]]


def submit(url: str, file: TextIO, name: str) -> None:
    """Submit single entries and batches in turn until the connection breaks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    chance = random.Random(name)
    for number in itertools.count():
        count = chance.choice([1, 1, 1, 3, 40])
        entries = [
            f"{name}/{number}/{i}/{chance.getrandbits(64):x}".encode()
            for i in range(count)
        ]
        try:
            receipts = _post(connection, parts.path, entries)
        except (OSError, http.client.HTTPException):
            return
        for entry, receipt in zip(entries, receipts, strict=True):
            line = {"entry": base64.b64encode(entry).decode(), "receipt": receipt}
            file.write(json.dumps(line) + "\n")
        file.flush()


def _post(
    connection: http.client.HTTPConnection, path: str, entries: list[bytes]
) -> list[dict[str, object]]:
    if len(entries) == 1:
        kind, body = "application/octet-stream", entries[0]
    else:
        kind, body = "application/x-ndjson", b"\n".join(entries)
    target = f"{path}/entries?receipt=full"
    connection.request("POST", target, body, {"Content-Type": kind})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != 201:
        raise http.client.HTTPException(f"refused: {answer}")
    return [answer] if len(entries) == 1 else answer["receipts"]


def acknowledged(lines: Iterator[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each entry in the file of a client, and its receipt as JSON.

    A client that is stopped may leave half a last line; it was acknowledged, but
    nobody can tell any more.
    """
    for line in lines:
        if line.endswith("\n"):
            kept = json.loads(line)
            receipt = json.dumps(
                kept["receipt"], ensure_ascii=False, separators=(",", ":")
            )
            yield parse_base64(kept["entry"]), receipt.encode()


if __name__ == "__main__":
    _, server_url, out, client_name = sys.argv
    with Path(out).open("a", encoding="utf-8") as kept_in:
        submit(server_url, kept_in, client_name)
