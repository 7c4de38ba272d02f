"""Verify a receipt without a server, a clock or a network: ``proofs`` alone.

Usage: python verify_receipt.py RECEIPT ENTRY VKEY

RECEIPT is a JSON receipt, ENTRY a file with the exact bytes of the entry, and VKEY
the log's verifier key, which you have from its operator and not from the receipt.
"""

import sys
from pathlib import Path

from proofs import (
    ProofsError,
    leaf_hash,
    open_checkpoint,
    parse_receipt,
    parse_vkey,
    verify_inclusion,
)


def main(receipt_path: str, entry_path: str, vkey: str) -> int:
    """Say what the receipt proves about the entry; return the exit code."""
    try:
        receipt = parse_receipt(Path(receipt_path).read_bytes())
        # The key decides who is believed: size and root come out of what it signed.
        signed = open_checkpoint(receipt.checkpoint, [parse_vkey(vkey)])
        verify_inclusion(
            index=receipt.index,
            size=signed.checkpoint.size,
            # From the entry, not from the receipt: it is the entry that is to be there.
            leaf_hash=leaf_hash(Path(entry_path).read_bytes()),
            proof=receipt.inclusion_proof,
            root_hash=signed.checkpoint.root_hash,
        )
    except OSError as error:
        print(f"UNREADABLE: {error}")
        return 41
    except ProofsError as error:
        print(f"INVALID: {error}")
        return 40
    tree = signed.checkpoint
    print(
        f"SELF_CONSISTENT: the entry is at index {receipt.index} of {tree.origin}, "
        f"size {tree.size}, signed by the log. "
        "Nothing from outside the log was checked: its operator could show others "
        "another history."
    )
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
