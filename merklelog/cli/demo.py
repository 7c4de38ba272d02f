"""``merklelog demo``: a log, its proofs, and a forgery that does not get through."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from merklelog.cli.options import json_option
from merklelog.cli.output import print_json
from merklelog.clock import format_time, now_ms

if TYPE_CHECKING:
    from merklelog.tlog.fsck import Report
    from proofs.keys import PublicKey
    from proofs.verdict import Finding

_RECORDS = 300

# The record that the forger would rather not have there.
_FORGED_INDEX = 41


@click.command()
@json_option
def demo(*, as_json: bool) -> int:
    """Show in a temporary log what a proof is worth; leaves nothing behind.

    Appends records, verifies a receipt offline, lets the log grow and shows that it
    only grew. Then it edits one stored record behind the log's back and checks.

    \b
    Example:
      merklelog demo
    """
    with tempfile.TemporaryDirectory(prefix="merklelog-demo") as folder:
        story = Story(show=not as_json)
        asyncio.run(_play(Path(folder) / "demo", story))
    if as_json:
        print_json({"as_expected": story.as_expected, "steps": story.steps})
    return 0 if story.as_expected else 1


class Story:
    """What the demo says, step by step."""

    def __init__(self, *, show: bool) -> None:
        self._show = show
        self.steps: list[dict[str, object]] = []
        self.as_expected = True

    def tell(self, text: str, *, expected: bool = True) -> None:
        """Say what happened, and whether it is what had to happen."""
        self.steps.append({"step": text, "as_expected": expected})
        self.as_expected &= expected
        if self._show:
            mark = "" if expected else "   <-- NOT WHAT HAD TO HAPPEN"
            click.echo(f"{len(self.steps)}. {text}{mark}")


async def _play(path: Path, story: Story) -> None:
    from merklelog.tlog import Log
    from proofs.keys import parse_vkey
    from proofs.receipt import format_receipt, parse_receipt
    from proofs.verdict import Verdict, check_receipt

    records = [*_records()]
    entry = records[_FORGED_INDEX]
    async with Log.open(path, origin="localhost/demo") as log:
        receipts = await log.add(records)
        story.tell(f"{len(records)} records are appended: durable, and in the tree")
        verifiers = [parse_vkey(log.keys.vkeys[0])]
        known = log.head.note
        # As it comes out of a file: everything a submitter keeps is in these bytes.
        receipt = parse_receipt(format_receipt(receipts[_FORGED_INDEX]))
        finding = check_receipt(receipt, verifiers=verifiers, entry=entry)
        story.tell(
            f"record {_FORGED_INDEX} is {entry.decode()}\n   its receipt, verified "
            f"offline: {_words(finding)}",
            expected=finding.verdict is Verdict.SELF_CONSISTENT,
        )
        await log.add(records)
        newer = await log.reader.receipt(_FORGED_INDEX, log.head, known=len(records))
        finding = check_receipt(newer, verifiers=verifiers, entry=entry, known=known)
        story.tell(
            f"the log has grown to {log.head.size}; against the checkpoint kept "
            f"before: {_words(finding)}",
            expected=finding.verdict is Verdict.ANCHORED,
        )
    forged = entry.replace(b"denied", b"allowed")
    finding = check_receipt(receipt, verifiers=verifiers, entry=forged)
    story.tell(
        f'somebody claims it said "allowed"; the receipt says {_words(finding)}',
        expected=finding.verdict is Verdict.INVALID,
    )
    report = await _forge(path, forged, verifiers)
    story.tell(
        "somebody edits the record inside a copy of the store; merklelog fsck finds: "
        + "; ".join(map(str, report.faults)),
        expected=[(fault.start, fault.end) for fault in report.faults]
        == [(_FORGED_INDEX, _FORGED_INDEX + 1)],
    )


def _words(finding: "Finding") -> str:
    return f"{finding.verdict}: " + "; ".join(finding.reasons)


def _records() -> Iterator[bytes]:
    """Yield records as an application's audit trail has them."""
    actions = ("login", "invoice.read", "user.invite", "card.delete", "role.grant")
    now = now_ms()
    for number in range(_RECORDS):
        record = {
            "time": format_time(now - 1000 * (_RECORDS - number)),
            "actor": f"u_{number * 7 % 23}",
            "action": actions[number % len(actions)],
            "resource": {"type": "account", "id": str(1000 + number * 3 % 50)},
            "source_ip": f"192.0.2.{number % 250}",
            "outcome": "denied" if number == _FORGED_INDEX else "success",
        }
        yield json.dumps(record).encode()


async def _forge(path: Path, forged: bytes, verifiers: "list[PublicKey]") -> "Report":
    """Replace an entry in a copy of the log's store, and return what fsck finds."""
    from merklelog.storage.interface import Batch
    from merklelog.storage.keyspace import decode_segment, encode_segment, segment_key
    from merklelog.tlog.folder import LogFolder
    from merklelog.tlog.fsck import fsck
    from merklelog.tlog.storesource import StoreSource

    copy = path.with_name("forged")
    shutil.copytree(path, copy)
    folder = LogFolder.open(copy)
    store = await folder.open_store()
    try:
        found = await store.seek(segment_key(_FORGED_INDEX))
        if found is None:
            raise AssertionError("bad math in demo: no segment holds the entry")
        segment = decode_segment(*found)
        entries = segment.entries()
        entries[_FORGED_INDEX - segment.first_index] = forged
        batch = Batch()
        batch.put(found[0], encode_segment(segment.logged_at, entries))
        await store.commit(batch)
        source = StoreSource(store, folder.config.origin)
        return await fsck(source, verifiers)
    finally:
        await store.close()
