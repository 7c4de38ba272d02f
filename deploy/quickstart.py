"""The steps of deploy/quickstart once the package is installed.

Each step is a command that a user would type, and is shown as it is run. The only
state beside the log is the list of records that were already submitted, so that a
second run adds what is new and nothing twice.
"""

import argparse
import contextlib
import json
import secrets
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from machine_records import machine_records

_LOG = "main"
_STOP_TIMEOUT = 40  # seconds; the server drains for up to 30


class Failed(Exception):
    """A step failed. Its own message is already on the terminal."""


def main() -> int:
    """Run the quickstart; return its exit code."""
    arguments = parse_arguments()
    # Ends the server too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        run(arguments.home, arguments.input, once=arguments.once)
    except Failed as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def parse_arguments() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="deploy/quickstart",
        description="A log on this machine, with real records, one of them verified.",
    )
    parser.add_argument("--home", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument(
        "--once", action="store_true", help="end after the verification"
    )
    parser.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help="records to submit: NDJSON, a JSON array, or CloudTrail",
    )
    return parser.parse_args()


def run(home: Path, input_file: Path | None, *, once: bool) -> None:
    """Create the log, serve it, submit records, verify one, and serve on."""
    data = home / "logs"
    if not (data / _LOG / "log.toml").exists():
        # Random, so that no two quickstarts make logs of the same name.
        origin = f"localhost/quickstart-{secrets.token_hex(4)}"
        merklelog("init", "--data", data, "--origin", origin, "--kind", "opaque")
    vkey = merklelog("keys", "show", "--data", data, "--log", _LOG).decode().strip()
    with serving(home, data) as url:
        receipts = submit(home, url, input_file)
        if receipts is not None:
            keep_last_receipt(home, url, receipts)
        verify(home, vkey)
        if once:
            print(f"\nServed until now at {url}/checkpoint")
            return
        print(f"\nOpen {url}/checkpoint\nThe server runs until you press Ctrl-C.")
        sys.stdout.flush()
        signal.pause()


@contextlib.contextmanager
def serving(home: Path, data: Path) -> Iterator[str]:
    """Serve *data* on a free port of the loopback interface; give the log's URL."""
    command = program("serve", "--data", data, "--listen", "127.0.0.1:0", "--json")
    log_path = home / "server.log"
    with log_path.open("ab") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        ready = server.stdout.readline() if server.stdout else b""
        if not ready:
            lines = log_path.read_text("utf-8", errors="replace").splitlines()
            raise Failed("the server did not start: " + (lines[-1] if lines else ""))
        urls = json.loads(ready)["urls"]
        yield next(url for url in urls if url.endswith(f"/logs/{_LOG}"))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(_STOP_TIMEOUT)


def submit(home: Path, url: str, input_file: Path | None) -> Path | None:
    """Submit the input, or the machine's records that are new; return the receipts."""
    receipts = home / f"receipts-{secrets.token_hex(4)}.ndjson"
    if input_file is not None:
        merklelog("submit", "--url", url, "--receipts", receipts, input_file)
        if not receipts.stat().st_size:
            raise Failed(f"{input_file}: there is no record in it")
        return receipts
    submitted = home / "submitted.ndjson"
    before = Counter(
        submitted.read_text("utf-8").splitlines() if submitted.exists() else []
    )
    fresh: list[str] = []
    for source, records in machine_records():
        new = list((Counter(records) - before).elements())
        print(f"{source}: {len(records)} records, {len(new)} of them new")
        fresh += new
    if not fresh:
        return None
    new_file = home / "records.ndjson"
    new_file.write_text("".join(f"{record}\n" for record in fresh), "utf-8")
    merklelog("submit", "--url", url, "--receipts", receipts, new_file)
    with submitted.open("a", encoding="utf-8") as file:
        file.write(new_file.read_text("utf-8"))
    return receipts


def keep_last_receipt(home: Path, url: str, receipts: Path) -> None:
    """Keep the last of the *receipts* as receipt.json, and its entry beside it."""
    last = receipts.read_bytes().splitlines()[-1:]
    if last:
        index = json.loads(last[0])["index"]
        (home / "entry").write_bytes(merklelog("get", "--url", url, str(index)))
        (home / "receipt.json").write_bytes(last[0] + b"\n")


def verify(home: Path, vkey: str) -> None:
    """Verify the kept receipt in front of the user. It asks the server nothing."""
    receipt, entry = home / "receipt.json", home / "entry"
    if not receipt.exists():
        raise Failed("nothing was submitted: give it records with --input FILE")
    print("\nOne of the records:")
    print(_printable(entry.read_bytes()))
    print("Its receipt, verified offline with nothing but the log's public key:")
    verdict = merklelog("verify", receipt, "--entry", entry, "--vkey", vkey)
    print(verdict.decode("utf-8"), end="")


def _printable(entry: bytes) -> str:
    """Return an entry as text that does nothing to a terminal."""
    text = entry.decode("utf-8", errors="replace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def merklelog(*arguments: str | Path) -> bytes:
    """Run one command, shown to the user; return what it prints."""
    print("$ " + shlex.join(["merklelog", *map(str, arguments)]), flush=True)
    done = subprocess.run(program(*arguments), check=False, stdout=subprocess.PIPE)
    if done.returncode:
        raise Failed(f"merklelog {arguments[0]} failed, see above")
    return done.stdout


def program(*arguments: str | Path) -> list[str]:
    """Return the command line of the merklelog that is installed beside this Python."""
    return [str(Path(sys.executable).parent / "merklelog"), *map(str, arguments)]


if __name__ == "__main__":
    sys.exit(main())
