"""proofs/ works when its folder is copied into another project, under another name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from meta.sources import ROOT
from reference.merkle import ReferenceTree
from reference.signing import Ed25519Signer

from proofs.checkpoint import Checkpoint, format_checkpoint
from proofs.note import sign_note
from proofs.receipt import Receipt, format_receipt

ORIGIN = "example.com/vendored"

PROGRAM = """
import json, sys
from vendored_proofs import check_receipt, parse_receipt, parse_vkey

receipt, vkey, entry = json.load(sys.stdin)
finding = check_receipt(
    parse_receipt(receipt.encode()), verifiers=[parse_vkey(vkey)], entry=entry.encode()
)
packages = {name.partition(".")[0] for name in sys.modules}
print(finding.verdict, packages & {"proofs", "merklelog"})
"""


def test_a_copy_verifies_receipts(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "proofs",
        tmp_path / "vendored_proofs",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    tree, signer = ReferenceTree([b"one", b"two"]), Ed25519Signer.called(ORIGIN)
    text = format_checkpoint(Checkpoint(ORIGIN, 2, tree.root(2)))
    receipt = Receipt(
        origin=ORIGIN,
        index=1,
        leaf_hash=tree.leaves[1],
        inclusion_proof=tuple(tree.inclusion(1, 2)),
        checkpoint=sign_note(text, [signer]),
    )

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        input=json.dumps([format_receipt(receipt).decode(), signer.vkey, "two"]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "SELF_CONSISTENT set()\n", done.stderr
