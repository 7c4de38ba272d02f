"""The main job, on real input: audit records in, and every one of them proven."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest
from serverprocess import ServerProcess, run_cli
from shared import shared_files

from proofs.checkpoint import parse_checkpoint
from proofs.note import parse_note
from proofs.text import format_base64, parse_base64

SAMPLE = Path(__file__).parents[1] / "vectors" / "audit-data"


class Submitted(NamedTuple):
    """A log that took files of records; no server holds it any more."""

    data: Path
    vkey: str
    files: list[Path]
    receipts: Path
    entries: list[bytes]
    """As they were read back over HTTP."""
    served_fsck: str
    """What fsck said through the URL, while it was served."""


def sample_files() -> list[Path]:
    """A few records, which every clone has."""
    return sorted(SAMPLE.glob("*/*.json"))


def all_files() -> list[Path]:
    """Half an hour of an AWS account, and all kinds of Kubernetes events."""
    return shared_files("data/cloudtrail/*.json") + shared_files(
        "data/kubernetes-audit/*.json"
    )


def read_entries(url: str) -> Iterator[bytes]:
    """Yield every entry of the log at *url*."""
    start = 0
    while True:
        with urlopen(f"{url}/entries?start={start}", timeout=60) as response:
            page = json.load(response)
        if not page["entries"]:
            return
        yield from map(parse_base64, page["entries"])
        start = page["next"]


def wait_until_published(url: str, size: int) -> None:
    """Return when the checkpoint covers *size* entries: within a second or so."""
    deadline = time.monotonic() + 30
    while True:
        with urlopen(f"{url}/checkpoint", timeout=60) as response:
            published = parse_checkpoint(parse_note(response.read()).text).size
        if published >= size:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module", params=[sample_files, all_files])
def submitted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Submitted:
    """A new log that all the files were submitted to, with the command line."""
    files: list[Path] = request.param()
    data = tmp_path_factory.mktemp("audit") / "logs"
    receipts = data.parent / "receipts.ndjson"
    origin = ("--origin", "example.com/real", "--kind", "opaque")
    assert run_cli("init", "--data", data, *origin).returncode == 0
    vkey = run_cli("keys", "show", "--data", data).stdout.strip()
    with ServerProcess(data) as server:
        url = server.log_url
        done = run_cli("submit", "--url", url, "--receipts", receipts, *files)
        assert done.returncode == 0, done.stderr
        entries = list(read_entries(url))
        wait_until_published(url, len(entries))
        checked = run_cli("fsck", "--url", url, "--vkey", vkey)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert server.terminate() == 0
    return Submitted(data, vkey, files, receipts, entries, checked.stdout)


def records_in(file: Path) -> list[object]:
    """Return what a JSON parser finds in *file*."""
    text = file.read_text(encoding="utf-8")
    if '"Records"' in text[:20]:
        records: list[object] = json.loads(text)["Records"]
        return records
    return [json.loads(line) for line in text.splitlines() if line]


def test_the_entries_are_the_records_in_their_order(submitted: Submitted) -> None:
    expected = [record for file in submitted.files for record in records_in(file)]

    assert [json.loads(entry) for entry in submitted.entries] == expected


def test_each_entry_is_a_slice_of_its_file(submitted: Submitted) -> None:
    """Not a byte of a record went through a parser and back."""
    entries = iter(submitted.entries)
    for file in submitted.files:
        text = file.read_bytes()
        at = 0
        for _ in records_in(file):
            entry = next(entries)
            at = text.index(entry, at) + len(entry)
    assert list(entries) == []


def test_there_is_a_receipt_for_every_record(submitted: Submitted) -> None:
    """In their order, each with the leaf hash of its entry and its index."""
    lines = submitted.receipts.read_text(encoding="utf-8").splitlines()
    receipts = [json.loads(line) for line in lines]

    assert [receipt["index"] for receipt in receipts] == list(range(len(receipts)))
    assert [receipt["leaf_hash"] for receipt in receipts] == [
        format_base64(sha256(b"\x00" + entry).digest()) for entry in submitted.entries
    ]


def test_every_receipt_verifies_offline(submitted: Submitted) -> None:
    """With nothing but the key; the server has ended."""
    done = run_cli("verify", submitted.receipts, "--vkey", submitted.vkey, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(findings) == len(submitted.entries)
    assert {finding["verdict"] for finding in findings} == {"SELF_CONSISTENT"}


def test_a_receipt_verifies_with_its_record_and_no_other(
    submitted: Submitted, tmp_path: Path
) -> None:
    receipt, record = tmp_path / "receipt.json", tmp_path / "record"
    with submitted.receipts.open("rb") as lines:
        receipt.write_bytes(lines.readline())
    command = ("verify", receipt, "--vkey", submitted.vkey, "--entry", record)

    record.write_bytes(submitted.entries[0])
    right = run_cli(*command)
    record.write_bytes(submitted.entries[0].replace(b"2", b"3", 1))
    wrong = run_cli(*command)

    assert (right.returncode, wrong.returncode) == (0, 40)
    assert "INVALID" in wrong.stdout


def test_fsck_finds_the_log_whole(submitted: Submitted) -> None:
    """As any stranger sees it through its tiles, and in its store."""
    data = ("--data", submitted.data, "--vkey", submitted.vkey)
    done = run_cli("fsck", *data, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["size"], report["faults"]) == (len(submitted.entries), [])
    assert f"  size {len(submitted.entries)}\n" in submitted.served_fsck
