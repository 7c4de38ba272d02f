"""``merklelog verify``: receipts against keys that the user has from elsewhere.

Offline, except where ``--url`` asks the log for a consistency proof, which is then
verified like one from a file.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from merklelog.cli.findings import keep_evidence, parse_vkeys, print_finding
from merklelog.cli.options import check_log_url, json_option, vkey_option
from merklelog.cli.output import progress
from merklelog.cli.receiptfiles import (
    LoadedReceipt,
    Unreadable,
    load_consistency_proof,
    load_receipts,
    read_file,
)
from merklelog.clock import now_ms
from proofs.checkpoint import parse_checkpoint
from proofs.errors import MalformedError
from proofs.note import parse_note
from proofs.receipt import Receipt
from proofs.text import parse_base64, parse_hex
from proofs.tlogproof import TlogProof
from proofs.verdict import Finding, Requirement, Verdict, check_receipt

if TYPE_CHECKING:
    from proofs.keys import PublicKey

_FILE = click.Path(path_type=Path)


class Asked(NamedTuple):
    """What the user brings to the check, and asks of it."""

    verifiers: "list[PublicKey]"
    entry: bytes | None
    leaf_hash: bytes | None
    known: bytes | None
    require: Requirement | None
    max_age_ms: int | None


@click.command()
@vkey_option()
@click.option("--policy", type=_FILE, metavar="FILE", help="Not available yet.")
@click.option("--entry", "entry_path", type=_FILE, metavar="FILE", help="The entry.")
@click.option("--leaf-hash", metavar="H", help="The entry's leaf hash, hex or base64.")
@click.option(
    "--known",
    "known_path",
    type=_FILE,
    metavar="CHECKPOINT",
    help="A checkpoint of the log that you already held.",
)
@click.option(
    "--consistency",
    "consistency_path",
    type=_FILE,
    metavar="FILE",
    help="The proof between it and the receipt's, as /proofs/consistency answers.",
)
@click.option(
    "--url",
    callback=check_log_url,
    metavar="URL",
    help="Fetch that proof from the log instead; it is verified, not believed.",
)
@click.option(
    "--require",
    type=click.Choice([requirement.value for requirement in Requirement]),
    help="Exit with 10 when the verdict is less.",
)
@click.option(
    "--max-age",
    type=click.IntRange(0),
    metavar="S",
    help="The receipt's checkpoint is STALE when older than this, in seconds.",
)
@json_option
@click.argument("receipts", nargs=-1, required=True, type=_FILE, metavar="RECEIPT...")
def verify(
    *,
    vkeys: tuple[str, ...],
    policy: Path | None,
    entry_path: Path | None,
    leaf_hash: str | None,
    known_path: Path | None,
    consistency_path: Path | None,
    url: str | None,
    require: str | None,
    max_age: int | None,
    as_json: bool,
    receipts: tuple[Path, ...],
) -> int:
    """Verify receipts with the log's public key, and say what that shows.

    Reads .json (one receipt), .ndjson (one a line) and .tlog-proof files. A
    .tlog-proof needs --entry or --leaf-hash; for a JSON receipt they check that it
    is about that entry.

    Exit codes: 0 ANCHORED or SELF_CONSISTENT, 10 less than --require, 11 PARTIAL,
    12 STALE, 30 DIVERGED (the evidence is written to a file), 40 INVALID,
    41 UNREADABLE. Of several receipts, the highest.

    \b
    Example:
      merklelog verify receipt.json --vkey example.com/audit+c74f20a3+ARpc2QcU...
      merklelog verify receipts.ndjson --vkey VKEY --known checkpoint \\
        --url http://127.0.0.1:8080/logs/main --require anchored
    """
    if policy is not None:
        raise click.UsageError("--policy: witness policies are not available yet")
    if not vkeys:
        raise click.UsageError("give the log's key: --vkey VKEY")
    if entry_path is not None and leaf_hash is not None:
        raise click.UsageError("give --entry or --leaf-hash, not both")
    if consistency_path is not None and url is not None:
        raise click.UsageError("give --consistency or --url, not both")
    if known_path is None and (consistency_path or url):
        raise click.UsageError("a consistency proof leads from --known CHECKPOINT")
    verifiers = parse_vkeys(vkeys)
    leaf = _parse_leaf_hash(leaf_hash)
    try:
        asked = Asked(
            verifiers=verifiers,
            entry=read_file(entry_path),
            leaf_hash=leaf,
            known=read_file(known_path),
            require=Requirement(require) if require else None,
            max_age_ms=None if max_age is None else max_age * 1000,
        )
        prover = _prover(asked.known, consistency_path, url)
    except Unreadable as error:
        finding = Finding(Verdict.UNREADABLE, (str(error),))
        print_finding("what was given", finding, as_json=as_json)
        return finding.exit_code
    return _check_all(receipts, asked, prover, as_json=as_json)


def _check_all(
    paths: Sequence[Path], asked: Asked, prover: "Prover", *, as_json: bool
) -> int:
    """Check the receipts of every file, print the findings, return the worst code."""
    stream = chain.from_iterable(map(load_receipts, paths))
    first_two = list(islice(stream, 2))
    single = len(first_two) == 1
    if not single and (asked.entry is not None or asked.leaf_hash is not None):
        raise click.UsageError("--entry and --leaf-hash are about one receipt")
    worst = 0
    good: Counter[str] = Counter()
    samples: dict[str, Finding] = {}
    with progress("verifying") as move:
        for done, loaded in enumerate(chain(first_two, stream), 1):
            finding = _check(loaded, asked, prover)
            worst = max(worst, finding.exit_code)
            if as_json or finding.exit_code or single:
                print_finding(loaded.name, finding, as_json=as_json)
            else:
                good[finding.verdict] += 1
                samples.setdefault(finding.verdict, finding)
            move(done, 0)
    for verdict, count in good.items():
        print_finding(f"{count} receipts, such as the first", samples[verdict])
    return worst


def _check(loaded: LoadedReceipt, asked: Asked, prover: "Prover") -> Finding:
    """Return the finding on one receipt."""
    receipt = loaded.receipt
    if isinstance(receipt, str):
        return Finding(Verdict.UNREADABLE, (receipt,), asked.require)
    if isinstance(receipt, TlogProof) and asked.entry is None is asked.leaf_hash:
        raise click.UsageError(
            f"{loaded.name} does not name its entry: give --entry FILE or --leaf-hash H"
        )
    proof, missing = prover(receipt)
    finding = check_receipt(
        receipt,
        verifiers=asked.verifiers,
        entry=asked.entry,
        leaf_hash=asked.leaf_hash,
        known=asked.known,
        consistency_proof=proof,
        require=asked.require,
        max_age_ms=asked.max_age_ms,
        now_ms=now_ms(),
    )
    if missing is not None and finding.verdict.exit_code < Verdict.PARTIAL.exit_code:
        # The user asked for this proof. SELF_CONSISTENT would pass for an answer.
        finding = replace(
            finding, verdict=Verdict.PARTIAL, reasons=(*finding.reasons, missing)
        )
    if finding.evidence is not None:
        kept = keep_evidence(finding.evidence)
        finding = replace(finding, reasons=(*finding.reasons, kept))
    if finding.verdict is Verdict.INVALID and (asked.entry or b"").endswith(b"\n"):
        hint = "the file given with --entry ends in a newline, which was hashed too"
        finding = replace(finding, reasons=(*finding.reasons, hint))
    return finding


Prover = Callable[[Receipt | TlogProof], tuple[list[bytes] | None, str | None]]
"""Returns the consistency proof for a receipt, or why the one asked for is missing."""


def _prover(known: bytes | None, path: Path | None, url: str | None) -> Prover:
    """Return where consistency proofs come from.

    Raises:
        Unreadable: the file given, or the known checkpoint, cannot be parsed.
    """
    if path is not None:
        proof = load_consistency_proof(path)
        return lambda _receipt: (proof, None)
    if url is None or known is None:
        return lambda _receipt: (None, None)
    try:
        held_size = _size_of(known)
    except MalformedError as error:
        raise Unreadable(f"the known checkpoint: {error}") from error
    fetched: dict[int, tuple[list[bytes] | None, str | None]] = {}

    def fetch(receipt: Receipt | TlogProof) -> tuple[list[bytes] | None, str | None]:
        try:
            size = _size_of(receipt.checkpoint)
        except MalformedError:
            return None, None  # The check itself says so, as INVALID.
        if size not in fetched:
            fetched[size] = asyncio.run(_fetch_consistency(url, held_size, size))
        return fetched[size]

    return fetch


async def _fetch_consistency(
    url: str, one_size: int, other_size: int
) -> tuple[list[bytes] | None, str | None]:
    from merklelog.client.errors import ClientError
    from merklelog.client.http import LogClient

    old_size, new_size = sorted((one_size, other_size))
    if old_size in {0, new_size}:
        return None, None
    try:
        async with LogClient(url) as client:
            return await client.consistency_proof(old_size, new_size), None
    except ClientError as error:
        return None, f"no consistency proof could be fetched: {error}"


def _size_of(note: bytes) -> int:
    """Return the size that a checkpoint claims; enough to ask for a proof."""
    return parse_checkpoint(parse_note(note).text).size


def _parse_leaf_hash(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        parse = parse_hex if len(text) == 64 else parse_base64
        return parse(text, length=32)
    except MalformedError as error:
        raise click.UsageError(f"--leaf-hash: {error}") from error
