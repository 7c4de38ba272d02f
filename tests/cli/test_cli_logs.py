"""Commands against a real server and real folders."""

import json
import stat
from pathlib import Path

import pytest
from cli.commands import Cli, Served, call, serving, start

from proofs.text import parse_base64


def vkey(cli: Cli, data: Path) -> str:
    """Return the vkey of the one log in *data*."""
    shown: str = cli("keys", "show", "--data", data).out
    return shown.strip()


class TestInit:
    """merklelog init, and merklelog keys."""

    def test_prints_the_vkey_and_what_is_next(self, cli: Cli, tmp_path: Path) -> None:
        """Whoever runs it learns what to hand out, and what to run."""
        done = cli(
            "init", "--data", tmp_path, "--origin", "example.com/x", "--kind", "opaque"
        )

        assert "example.com/x+" in done.out
        assert f"merklelog serve --data {tmp_path}" in done.out

    def test_private_keys_are_private(self, data: Path) -> None:
        """Nobody but their owner can read them."""
        for name in ("log.skey", "sth.pem"):
            mode = (data / "main" / "keys" / name).stat().st_mode
            assert stat.S_IMODE(mode) == 0o600

    def test_prints_nothing_private(self, cli: Cli, tmp_path: Path) -> None:
        """Neither init nor keys print a secret."""
        arguments = ("--data", tmp_path, "--origin", "example.com/x", "--kind")
        out = cli("init", *arguments, "opaque", "--json").out
        out += cli("keys", "show", "--data", tmp_path, "--json").out

        assert "PRIVATE" not in out

    def test_keys_show_prints_the_vkey_alone(self, cli: Cli, data: Path) -> None:
        """So that it can stand in "$(...)"."""
        done = cli("keys", "show", "--data", data)

        assert done.out.startswith("example.com/own+")
        assert done.out.count("\n") == 1

    def test_keys_show_reads_no_private_key(self, cli: Cli, data: Path) -> None:
        """It works for somebody who only has the public file."""
        for name in ("log.skey", "sth.pem"):
            (data / "main" / "keys" / name).unlink()

        assert cli("keys", "show", "--data", data).code == 0

    def test_keys_are_not_overwritten(self, cli: Cli, tmp_path: Path) -> None:
        """A second generate refuses."""
        arguments = ("keys", "generate", "--out", tmp_path, "--origin", "example.com/k")

        assert cli(*arguments).code == 0
        assert cli(*arguments).code == 1

    def test_several_logs_have_to_be_named(self, cli: Cli, data: Path) -> None:
        """A command does not choose among logs."""
        cli(
            *("init", "--data", data, "--origin", "example.com/two"),
            *("--kind", "opaque", "--log", "two"),
        )

        assert cli("keys", "show", "--data", data).code == 2
        shown = cli("keys", "show", "--data", data, "--log", "two").out
        assert shown.startswith("example.com/two+")
        assert cli("keys", "show", "--data", data / "two").out == shown


class TestSubmit:
    """merklelog submit, get and tail."""

    def test_records_come_back_as_they_were(
        self, cli: Cli, served: Served, tmp_path: Path
    ) -> None:
        """Of every form, through server and store."""
        lines = tmp_path / "lines.ndjson"
        lines.write_bytes(b'{"a":  1.10}\n\xff not utf-8\n')
        array = tmp_path / "array.json"
        array.write_bytes(b'[{"b": 1},\n {"c":\n 2}]')
        receipts = tmp_path / "receipts.ndjson"

        done = cli(
            *("submit", "--url", served.url, "--receipts", receipts),
            *(lines, array, "--json"),
        )

        ((first, end),) = json.loads(done.out)["ranges"]
        got = cli("get", "--url", served.url, f"{first}:{end}", "--json").out
        entries = [parse_base64(json.loads(line)["entry"]) for line in got.splitlines()]
        assert entries == [b'{"a":  1.10}', b"\xff not utf-8", b'{"b": 1}', b'{"c":2}']
        assert cli("verify", receipts, "--vkey", served.vkey).code == 0

    def test_standard_input(self, served: Served) -> None:
        """ "-" is what comes through the pipe."""
        out = call("submit", "--url", served.url, "-", "--json", stdin=b"one\ntwo\n")

        assert json.loads(out)["count"] == 2

    def test_a_pipe_gets_no_progress_bar(
        self, cli: Cli, served: Served, tmp_path: Path
    ) -> None:
        """Where stderr is no terminal, it stays empty."""
        (tmp_path / "one").write_bytes(b"1\n")

        assert cli("submit", "--url", served.url, tmp_path / "one").err == ""

    def test_one_reason_to_try_again_is_told_once(
        self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Then, how many records are in the log, and what to do."""
        monkeypatch.setattr("merklelog.client.submit.PATIENCE", 1.0)
        (tmp_path / "one").write_bytes(b"1\n")
        url = "http://127.0.0.1:1/logs/main"

        done = cli("submit", "--url", url, tmp_path / "one")

        why = f"cannot reach {url}: Connection refused: is the server running there?"
        assert done.code == 1
        assert done.err.splitlines() == [
            f"trying again for 1 seconds: {why}",
            "0 of 1 records are in the log; the batch after them is perhaps there too",
            f"merklelog: {why}",
        ]

    def test_nothing_is_sent_when_a_record_is_bad(
        self, cli: Cli, served: Served, tmp_path: Path
    ) -> None:
        """All inputs are checked before the first record goes."""
        good, bad = tmp_path / "good", tmp_path / "bad"
        good.write_bytes(b"1\n")
        bad.write_bytes(b"1\n" + b"x" * 65_536)
        before = cli("log", "stats", "--data", served.data, "--json").json["size"]

        done = cli("submit", "--url", served.url, good, bad)

        assert done.code == 1
        assert "record 2" in done.err
        assert (
            before == cli("log", "stats", "--data", served.data, "--json").json["size"]
        )

    def test_receipts_are_not_overwritten(
        self, cli: Cli, served: Served, tmp_path: Path
    ) -> None:
        """They may be the only proof of something."""
        receipts = tmp_path / "receipts.ndjson"
        receipts.write_bytes(b"kept\n")

        done = cli("submit", "--url", served.url, "--receipts", receipts, receipts)

        assert done.code == 2
        assert receipts.read_bytes() == b"kept\n"

    def test_get_prints_exact_bytes(self, cli: Cli, served: Served) -> None:
        """No newline is added where a program reads."""
        assert cli("get", "--url", served.url, "7").out == '{"n": 7}'

    def test_a_range_is_paged(self, cli: Cli, served: Served) -> None:
        """A range is half-open, one entry a line."""
        lines = cli("get", "--url", served.url, "0:300").out.splitlines()

        assert lines == [f'{{"n": {i}}}' for i in range(300)]

    def test_tail_follows(self, served: Served) -> None:
        """tail --from prints what is there and goes on."""
        with start("tail", "--url", served.url, "--from", 3, "--json") as process:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            second = json.loads(process.stdout.readline())
            process.terminate()

        assert (first["index"], second["index"]) == (3, 4)
        assert parse_base64(first["entry"]) == b'{"n": 3}'


class TestFsck:
    """merklelog fsck, and its verdicts."""

    def test_served_logs_are_checked_both_ways(self, cli: Cli, served: Served) -> None:
        """Through the admin socket and through the public tiles."""
        for source in (("--data", served.data), ("--url", served.url)):
            done = cli("fsck", *source, "--vkey", served.vkey, "--json")

            assert done.code == 0
            assert done.json["verdict"] == "SELF_CONSISTENT"

    def test_a_clean_log_is_not_called_more_than_it_is(
        self, cli: Cli, data: Path
    ) -> None:
        """The words say that nothing from outside was checked."""
        done = cli("fsck", "--data", data, "--vkey", vkey(cli, data))

        assert done.code == 0
        assert "nothing from outside the log was checked" in done.out

    def test_another_key_is_invalid(self, cli: Cli, data: Path, served: Served) -> None:
        """A checkpoint that the key given did not sign is 40, held or not."""
        assert cli("fsck", "--data", data, "--vkey", served.vkey).code == 40
        other = vkey(cli, data)
        assert cli("fsck", "--data", served.data, "--vkey", other).code == 40
        assert cli("fsck", "--url", served.url, "--vkey", other).code == 40

    def test_a_missing_store_is_unreadable(
        self, cli: Cli, data: Path, tmp_path: Path
    ) -> None:
        """Never "empty, fine"."""
        key = vkey(cli, data)
        (data / "main" / "store").rename(tmp_path / "away")

        assert cli("fsck", "--data", data, "--vkey", key).code == 41
        assert cli("fsck", "--data", tmp_path / "no", "--vkey", key).code == 41

    def test_a_log_that_cannot_be_reached_is_unreadable(
        self, cli: Cli, data: Path
    ) -> None:
        """Nobody answers at this port: a verdict, and no "other failure"."""
        url = "http://127.0.0.1:9/logs/main"

        assert cli("fsck", "--url", url, "--vkey", vkey(cli, data)).code == 41


class TestLog:
    """merklelog log ..."""

    def test_list_says_who_is_served(
        self, cli: Cli, served: Served, data: Path
    ) -> None:
        """A stale socket is not a server."""
        (data / "admin.sock").touch()

        for folder, answer in ((data, "no"), (served.data, "yes")):
            out = cli("log", "list", "--data", folder, "--json").out
            assert f'"served": "{answer}"' in out

    def test_backup_while_served_and_restore(
        self, cli: Cli, served: Served, tmp_path: Path
    ) -> None:
        """A backup holds the log, and what is restored elsewhere is read-only."""
        copy = tmp_path / "backup"
        assert cli("log", "backup", "--data", served.data, "--to", copy).code == 0

        keys = served.data / "main" / "keys"
        new = tmp_path / "new"
        done = cli("log", "restore", copy, "--data", new, "--keys", keys, "--json")

        assert done.code == 0
        assert "restored" in str(done.json["read_only"])
        assert cli("fsck", "--data", new, "--vkey", served.vkey).code == 0

    def test_the_first_reason_is_the_one_that_is_told(
        self, cli: Cli, data: Path
    ) -> None:
        """Freezing again keeps nothing of the second reason, and does not say so."""
        freeze = ("log", "freeze", "--data", data, "--reason")
        assert cli(*freeze, "moved").out == "main is read-only: moved\n"
        again = cli(*freeze, "again")
        assert again.out == "main was read-only before, and stays so: moved\n"
        assert cli(*freeze, "again", "--json").json["read_only"] == "moved"

        with serving(data):
            assert cli(*freeze, "again").out == again.out

    def test_freeze_and_succeed(self, cli: Cli, data: Path) -> None:
        """A frozen log says so, and its successor is another log."""
        assert cli("log", "freeze", "--data", data, "--reason", "moved").code == 0
        stats = cli("log", "stats", "--data", data, "--json").json
        assert stats["state"] == "read_only"
        done = cli(
            *("log", "succeed", "--data", data, "--origin", "example.com/own-2"),
            *("--successor", "next", "--json"),
        )

        assert done.code == 0
        assert "example.com/own" in str(done.json["entry"])
        stats = cli("log", "stats", "--data", data, "--log", "next", "--json").json
        assert stats["size"] == 1


def test_demo_ends_as_it_should(cli: Cli) -> None:
    """Every step of the demo is what it claims to show."""
    done = cli("demo", "--json")

    assert done.code == 0
    assert done.json["as_expected"] is True


def test_bench_prints_rates(cli: Cli) -> None:
    """Four rows, each above nothing."""
    rows = cli("bench", "--seconds", "0.2", "--json").json["rows"]

    assert isinstance(rows, list)
    assert [row["entries_per_second"] > 0 for row in rows] == [True] * 4


class TestDoctor:
    """merklelog doctor."""

    def test_a_new_log_is_well(self, cli: Cli, data: Path) -> None:
        """Nothing is wrong with what init makes."""
        done = cli("doctor", "--data", data, "--json")

        assert done.code == 0, done.out

    def test_names_what_is_wrong(self, cli: Cli, data: Path) -> None:
        """Keys that others can read, with what to do."""
        (data / "main" / "keys" / "log.skey").chmod(0o644)

        done = cli("doctor", "--data", data)

        assert done.code == 1
        assert "chmod 600" in done.out

    def test_sees_who_holds_the_store(self, cli: Cli, served: Served) -> None:
        """A served log is well."""
        assert "served" in cli("doctor", "--data", served.data).out
