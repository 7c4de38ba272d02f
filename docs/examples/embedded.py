"""A log inside this process: no server, one folder.

Run it twice: the second run opens the log that the first one made, and goes on.
``merklelog serve --data audit-log`` serves the same folder.
"""

import asyncio

from merklelog.tlog import Log
from proofs import open_checkpoint, verify_inclusion


async def main() -> None:
    """Append two entries and verify their receipts."""
    entries = [
        b'{"actor":"u_77","action":"login"}',
        b'{"actor":"u_77","action":"exit"}',
    ]
    # Created when absent; without origin it must exist.
    async with Log.open("audit-log", origin="example.com/audit") as log:
        # Durable and under a signed checkpoint when it returns.
        receipts = await log.add(entries)
        verifiers = log.keys.verifiers

    for entry, receipt in zip(entries, receipts, strict=True):
        signed = open_checkpoint(receipt.checkpoint, verifiers)
        verify_inclusion(
            index=receipt.index,
            size=signed.checkpoint.size,
            leaf_hash=receipt.leaf_hash,
            proof=receipt.inclusion_proof,
            root_hash=signed.checkpoint.root_hash,
        )
        print(f"index {receipt.index} of {signed.checkpoint.origin}: {entry.decode()}")


asyncio.run(main())
