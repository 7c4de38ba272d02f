"""merklelog verify: every verdict that it reaches, in words and as exit code."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from cli.commands import Cli, Served, call

from merklelog.tlog.keys import LogKeys
from proofs.checkpoint import Checkpoint, parse_checkpoint
from proofs.note import parse_note
from proofs.receipt import Receipt, format_receipt, parse_receipt

SELF_CONSISTENT_WORDS = "the log's operator could show others another history"

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


@pytest.fixture
def receipt(cli: Cli, served: Served, write: Write) -> Path:
    """The receipt of entry 7."""
    return write("receipt.json", cli("prove", 7, "--url", served.url).out.encode())


def edit(receipt: Path, write: Write, **changes: object) -> Path:
    """Return a receipt that differs from *receipt* in *changes*."""
    parsed: Receipt = replace(parse_receipt(receipt.read_bytes()), **changes)  # type: ignore[arg-type]
    return write("edited.json", format_receipt(parsed))


class TestGood:
    """Exit code 0."""

    def test_self_consistent_is_said_in_words(
        self, cli: Cli, served: Served, receipt: Path
    ) -> None:
        """Every time, that nothing from outside the log was checked."""
        done = cli("verify", receipt, "--vkey", served.vkey)

        assert done.code == 0
        assert "SELF_CONSISTENT" in done.out
        assert SELF_CONSISTENT_WORDS in done.out

    def test_ndjson_says_it_too(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """Many receipts are summed up, and the words are there."""
        line = receipt.read_bytes().rstrip(b"\n") + b"\n"
        done = cli("verify", write("r.ndjson", line * 3), "--vkey", served.vkey)

        assert done.code == 0
        assert "3 receipts" in done.out
        assert SELF_CONSISTENT_WORDS in done.out

    def test_with_the_entry(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """The entry shown is the one that is included."""
        entry = write("entry", b'{"n": 7}')
        done = cli("verify", receipt, "--vkey", served.vkey, "--entry", entry)

        assert done.code == 0

    def test_a_tlog_proof_at_once_is_not_of_an_entry_that_was_shown(
        self, cli: Cli, served: Served
    ) -> None:
        """The log gave the proof, and the entry that it was checked with."""
        options = ("--url", served.url, "--format", "tlog-proof", "--vkey", served.vkey)
        done = cli("prove", 7, *options)

        assert done.code == 0
        assert "no entry was shown" in done.err

    def test_tlog_proof(self, cli: Cli, served: Served, write: Write) -> None:
        """A C2SP tlog-proof with the entry's leaf hash."""
        out = cli("prove", 7, "--url", served.url, "--format", "tlog-proof").out
        proof = write("r.tlog-proof", out.encode())
        leaf = json.loads(cli("get", 7, "--url", served.url, "--json").out)["leaf_hash"]

        done = cli("verify", proof, "--vkey", served.vkey, "--leaf-hash", leaf)

        assert done.code == 0

    def test_anchored_by_an_equal_checkpoint(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """The verifier already held the tree of the receipt."""
        known = write("known", parse_receipt(receipt.read_bytes()).checkpoint)
        done = cli(
            *("verify", receipt, "--vkey", served.vkey, "--known", known),
            *("--require", "anchored", "--json"),
        )

        assert done.code == 0
        assert done.json["verdict"] == "ANCHORED"

    @pytest.mark.parametrize("way", ["url", "file"])
    def test_anchored_by_a_consistency_proof(
        self, cli: Cli, served: Served, receipt: Path, write: Write, way: str
    ) -> None:
        """The proof comes from the log, or from a file; it is verified either way."""
        more = write("more", b"1\n2\n")
        first = parse_receipt(receipt.read_bytes())
        known = write("known", first.checkpoint)
        receipts = write("name", b"").with_name("receipts.ndjson")
        call("submit", "--url", served.url, more, "--receipts", receipts)
        options: tuple[object, ...] = ("--url", served.url)
        if way == "file":
            newer = parse_receipt(receipts.read_bytes().split(b"\n")[0])
            proof = consistency_proof(served, size_of(first), size_of(newer))
            options = ("--consistency", write("proof.json", proof))

        done = cli(
            *("verify", receipts, "--vkey", served.vkey, "--known", known, *options),
            *("--require", "anchored"),
        )

        assert done.code == 0, done.out
        assert "ANCHORED" in done.out


class TestLess:
    """Good as far as it goes, and not what was asked for."""

    @pytest.mark.parametrize("require", ["anchored", "witnessed"])
    def test_require_is_10(
        self, cli: Cli, served: Served, receipt: Path, require: str
    ) -> None:
        """SELF_CONSISTENT does not do where more is required."""
        done = cli("verify", receipt, "--vkey", served.vkey, "--require", require)

        assert done.code == 10
        assert "SELF_CONSISTENT" in done.out

    def test_an_unreachable_log_is_partial(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """The proof that was asked for could not be fetched: 11."""
        text = parse_receipt(receipt.read_bytes())
        keys = LogKeys.load(served.data / "main", "example.com/served")
        other = Checkpoint("example.com/served", 3, bytes(32))
        known = write("known", keys.sign_checkpoint(other, timestamp_ms=1))
        assert text.index == 7

        done = cli(
            *("verify", receipt, "--vkey", served.vkey, "--known", known),
            *("--url", "http://127.0.0.1:1/logs/main"),
        )

        assert done.code == 11
        assert "PARTIAL" in done.out

    def test_stale_is_12(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """A checkpoint that was signed too long ago."""
        shown = cli("keys", "show", "--data", served.data, "--json").json["vkeys"]
        assert isinstance(shown, list)
        keys = LogKeys.load(served.data / "main", "example.com/served")
        parsed = parse_receipt(receipt.read_bytes())
        tree = checkpoint_of(parsed)
        old = edit(
            receipt, write, checkpoint=keys.sign_checkpoint(tree, timestamp_ms=1)
        )
        vkeys = [part for key in shown for part in ("--vkey", key)]

        assert cli("verify", old, *vkeys, "--max-age", 60).code == 12
        assert cli("verify", receipt, *vkeys, "--max-age", 3600).code == 0


class TestBad:
    """What must never pass."""

    def test_diverged_is_30_and_keeps_the_evidence(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """Two trees of one size, both signed: the file holds both notes."""
        keys = LogKeys.load(served.data / "main", "example.com/served")
        size = size_of(parse_receipt(receipt.read_bytes()))
        fork = Checkpoint("example.com/served", size, bytes(32))
        known = write("known", keys.sign_checkpoint(fork, timestamp_ms=1))

        done = cli("verify", receipt, "--vkey", served.vkey, "--known", known)

        assert done.code == 30
        (evidence,) = known.parent.glob("evidence-*.json")
        assert evidence.name in done.out
        views = json.loads(evidence.read_bytes())
        assert known.read_text() in (views["old"], views["new"])

    def test_another_entry_is_40(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """And a newline at its end is pointed out."""
        entry = write("entry", b'{"n": 7}\n')
        done = cli("verify", receipt, "--vkey", served.vkey, "--entry", entry)

        assert done.code == 40
        assert "ends in a newline" in done.out

    def test_another_index_is_40(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """The proof of 7 is none of 8."""
        edited = edit(receipt, write, index=8)

        assert cli("verify", edited, "--vkey", served.vkey).code == 40

    def test_another_key_is_40(self, cli: Cli, data: Path, receipt: Path) -> None:
        """A checkpoint that the key given did not sign."""
        other = cli("keys", "show", "--data", data).out.strip()

        assert cli("verify", receipt, "--vkey", other).code == 40

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("absent.json", None),
            ("empty.json", b""),
            ("empty.ndjson", b""),
            ("blank.ndjson", b"\n"),
            ("other.json", b'{"some": "json"}'),
            ("text.tlog-proof", b"c2sp.org/tlog-proof@v1\nnonsense\n\nx"),
        ],
    )
    def test_unreadable_is_41(
        self, cli: Cli, served: Served, write: Write, name: str, content: bytes | None
    ) -> None:
        """A missing, empty or malformed file is never "fine"."""
        path = write(name, content or b"")
        if content is None:
            path.unlink()

        done = cli("verify", path, "--vkey", served.vkey)

        assert done.code == 41
        assert "UNREADABLE" in done.out

    def test_unreadable_inputs_of_the_check(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """Also for what the verifier brings."""
        absent = receipt.with_name("absent")
        known = write("known", parse_receipt(receipt.read_bytes()).checkpoint)
        for options in (
            ("--entry", absent),
            ("--known", absent),
            ("--known", write("noise", b"noise")),
            ("--known", known, "--consistency", absent),
            ("--known", known, "--consistency", write("noise", b"[]")),
        ):
            done = cli("verify", receipt, "--vkey", served.vkey, *options)

            assert done.code == 41, options

    def test_the_highest_code_counts(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """Of several inputs, whatever their order."""
        bad = edit(receipt, write, index=8)
        absent = receipt.with_name("absent.json")

        assert cli("verify", bad, receipt, "--vkey", served.vkey).code == 40
        assert cli("verify", absent, bad, receipt, "--vkey", served.vkey).code == 41

    def test_every_bad_line_is_named(
        self, cli: Cli, served: Served, receipt: Path, write: Write
    ) -> None:
        """By file and line."""
        good = receipt.read_bytes().rstrip(b"\n")
        bad = good.replace(b'"index":7', b'"index":8').replace(
            b'"index": 7', b'"index": 8'
        )
        path = write("r.ndjson", b"\n".join([good, bad, good, b"{}"]) + b"\n")

        done = cli("verify", path, "--vkey", served.vkey)

        assert done.code == 41
        assert "r.ndjson:2: INVALID" in done.out
        assert "r.ndjson:4: UNREADABLE" in done.out

    def test_a_tlog_proof_needs_its_entry(
        self, cli: Cli, served: Served, write: Write
    ) -> None:
        """Without the entry or its hash the command line is incomplete: 2."""
        out = cli("prove", 7, "--url", served.url, "--format", "tlog-proof").out
        proof = write("r.tlog-proof", out.encode())

        assert cli("verify", proof, "--vkey", served.vkey).code == 2

    def test_an_entry_is_about_one_receipt(
        self, cli: Cli, served: Served, receipt: Path
    ) -> None:
        """--entry with several receipts cannot mean anything: 2."""
        done = cli(
            *("verify", receipt, receipt, "--vkey", served.vkey, "--entry", receipt)
        )

        assert done.code == 2


class TestProve:
    """merklelog prove."""

    def test_verifies_with_a_key(self, cli: Cli, served: Served) -> None:
        """The receipt on stdout, the verdict beside it."""
        done = cli("prove", 7, "--url", served.url, "--vkey", served.vkey)

        assert done.code == 0
        assert parse_receipt(done.out.encode()).index == 7
        assert "SELF_CONSISTENT" in done.err

    def test_says_nothing_without_a_key(self, cli: Cli, served: Served) -> None:
        """What was not checked is not called verified."""
        done = cli("prove", 7, "--url", served.url, "--json")

        assert done.code == 0
        assert "verdict" not in done.json

    def test_another_key_is_40(self, cli: Cli, data: Path, served: Served) -> None:
        """The exit code is the verdict's."""
        other = cli("keys", "show", "--data", data).out.strip()
        for form in ("json", "tlog-proof"):
            done = cli(
                *("prove", 7, "--url", served.url, "--vkey", other, "--format", form)
            )

            assert done.code == 40


def consistency_proof(served: Served, old: int, new: int) -> bytes:
    """Return the log's answer about two sizes, as a user would download it."""
    with urlopen(f"{served.url}/proofs/consistency?from={old}&to={new}") as answer:
        data: bytes = answer.read()
    return data


def checkpoint_of(receipt: Receipt) -> Checkpoint:
    """Return what the checkpoint of *receipt* says."""
    return parse_checkpoint(parse_note(receipt.checkpoint).text)


def size_of(receipt: Receipt) -> int:
    """Return the size of the tree that *receipt* is about."""
    return checkpoint_of(receipt).size
