"""Findings in words: how a verdict is printed, and how its evidence is kept."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from merklelog.cli.output import print_json
from proofs.text import format_base64

if TYPE_CHECKING:
    from proofs.errors import Inconsistent
    from proofs.keys import PublicKey
    from proofs.verdict import Finding


def parse_vkeys(vkeys: Sequence[str]) -> "list[PublicKey]":
    """Return the keys that ``--vkey`` gave.

    Raises:
        click.UsageError: one is not a verifier key.
    """
    from proofs.errors import MalformedKey
    from proofs.keys import parse_vkey

    try:
        return [parse_vkey(text) for text in vkeys]
    except MalformedKey as error:
        raise click.UsageError(f"--vkey: {error}") from error


def print_finding(
    name: str, finding: "Finding", *, as_json: bool = False, err: bool = False
) -> None:
    """Print the verdict on *name* with every reason for it, to stderr with *err*."""
    if as_json:
        print_json({"receipt": name, **finding_members(finding)})
        return
    click.echo(f"{name}: {finding.verdict}", err=err)
    for reason in finding.reasons:
        click.echo(f"  {reason}", err=err)
    if finding.unmet is not None:
        click.echo(f"  --require {finding.unmet} is not met", err=err)


def finding_members(finding: "Finding") -> dict[str, object]:
    """Return *finding* as JSON members; facts of the checkpoint only once verified."""
    members: dict[str, object] = {
        "verdict": finding.verdict.value,
        "exit_code": finding.exit_code,
        "reasons": list(finding.reasons),
    }
    if finding.unmet is not None:
        members["unmet"] = finding.unmet.value
    if finding.subject is not None:
        members["subject"] = finding.subject.value
    if finding.signed is not None:
        checkpoint = finding.signed.checkpoint
        members["checkpoint"] = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root_hash": format_base64(checkpoint.root_hash),
            "timestamp_ms": finding.signed.timestamp_ms,
        }
    return members


def keep_evidence(evidence: "Inconsistent") -> str:
    """Write two conflicting views to a file here; return a sentence that names it.

    The file holds both notes as they were received: whoever has the log's key can
    check that the log signed both.
    """
    document = {
        "type": "inconsistent",
        "old": evidence.old.decode("utf-8"),
        "new": evidence.new.decode("utf-8"),
        "consistency_proof": [format_base64(digest) for digest in evidence.proof],
    }
    data = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8")
    path = Path(f"evidence-{sha256(data).hexdigest()[:16]}.json")
    try:
        path.write_bytes(data)
    except OSError as error:
        # The verdict must come through, whatever becomes of the file.
        return f"the evidence could not be written to {path}: {error.strerror}"
    return f"the evidence is in {path}: keep it, and show it to others"
