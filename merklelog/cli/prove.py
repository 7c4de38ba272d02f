"""``merklelog prove``: the receipt of an entry that is in a log already."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from merklelog.cli.findings import finding_members, parse_vkeys, print_finding
from merklelog.cli.options import json_option, url_option, vkey_option
from merklelog.cli.output import print_json
from proofs.hashing import leaf_hash
from proofs.receipt import Receipt, parse_receipt
from proofs.tlogproof import TlogProof, parse_tlog_proof

if TYPE_CHECKING:
    from proofs.keys import PublicKey
    from proofs.verdict import Finding

_JSON, _TLOG_PROOF = "json", "tlog-proof"


@click.command()
@url_option()
@click.option(
    "--format",
    "form",
    type=click.Choice([_JSON, _TLOG_PROOF]),
    default=_JSON,
    show_default=True,
    help="A JSON receipt, or a C2SP tlog-proof.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the receipt there instead of to standard output.",
)
@vkey_option()
@json_option
@click.argument("index", type=click.IntRange(0), metavar="INDEX")
def prove(
    *,
    url: str,
    form: str,
    out: Path | None,
    vkeys: tuple[str, ...],
    as_json: bool,
    index: int,
) -> int:
    """Fetch the receipt of an entry: a proof to keep, and to show to others.

    With --vkey it is verified at once, and the exit code is that of the verdict
    (merklelog verify --help). Without, nothing is said about it.

    \b
    Example:
      merklelog prove 41 --url http://127.0.0.1:8080/logs/main --out receipt.json
      merklelog verify receipt.json --vkey "$(merklelog keys show --data logs)"
    """
    verifiers = parse_vkeys(vkeys)
    data, finding = asyncio.run(_fetch(url, index, form, verifiers))
    if out is not None:
        _write_new(out, data)
    if as_json:
        print_json(
            {
                "index": index,
                "format": form,
                "receipt": data.decode("utf-8"),
                **(finding_members(finding) if finding else {}),
            }
        )
    elif out is None:
        click.echo(data, nl=not data.endswith(b"\n"))
    if finding is None:
        return 0
    if not as_json:
        # The receipt may be on its way into a pipe: what is said of it goes beside.
        print_finding(f"index {index}", finding, err=True)
    return finding.exit_code


async def _fetch(
    url: str, index: int, form: str, verifiers: "list[PublicKey]"
) -> "tuple[bytes, Finding | None]":
    """Return the receipt, and what follows from it for whoever trusts *verifiers*."""
    from merklelog.client.errors import BadAnswer
    from merklelog.client.http import LogClient
    from proofs.verdict import check_receipt

    async with LogClient(url) as client:
        receipt: Receipt | TlogProof
        leaf = None
        if form == _JSON:
            data = await client.receipt(index)
            receipt = parse_receipt(data)
        else:
            data = await client.tlog_proof(index)
            receipt = parse_tlog_proof(data)
            if verifiers:
                leaf = leaf_hash(await client.entry(index))
    if receipt.index != index:
        raise BadAnswer(f"{url}: asked for index {index}, got {receipt.index}")
    if not verifiers:
        return data, None
    finding = check_receipt(receipt, verifiers=verifiers, leaf_hash=leaf)
    return data, finding if leaf is None else _of_the_log_itself(finding)


def _of_the_log_itself(finding: "Finding") -> "Finding":
    """Say of a proof without a leaf that its entry is the log's own word too."""
    from proofs.verdict import Subject

    remark = "no entry was shown: the one that was checked came from the log as well"
    return replace(finding, subject=Subject.RECEIPT, reasons=(*finding.reasons, remark))


def _write_new(path: Path, data: bytes) -> None:
    """Write a receipt. One that exists is not overwritten: it may be proof."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise click.ClickException(
            f"{path} exists already; name another file with --out"
        ) from error
