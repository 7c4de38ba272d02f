"""What a user of the wheel does first, with nothing but the wheel installed.

Run by tests/run with the Python of a fresh environment, outside the source tree.
"""

import asyncio
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import merklelog
from merklelog.tlog import Log
from proofs.receipt import format_receipt


def command(*arguments: object) -> str:
    """Run the installed merklelog, and return what it prints."""
    program = Path(sys.executable).with_name("merklelog")
    done = subprocess.run(
        [program, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


async def append(folder: Path) -> bytes:
    """Append an entry from this process, and return its receipt."""
    async with Log.open(folder) as log:
        (receipt,) = await log.add([b"from the wheel"])
    return format_receipt(receipt)


def main() -> None:
    """Create a log with the command, append as a library, verify with the command."""
    tree = Path(__file__).resolve().parents[2]
    assert tree not in Path(merklelog.__file__).resolve().parents, "not the wheel"
    assert "verify" in command("--help")
    with TemporaryDirectory() as temporary:
        data, receipt = Path(temporary), Path(temporary) / "receipt.json"
        origin = ("--origin", "example.com/wheel", "--kind", "opaque")
        command("init", "--data", data, *origin)
        receipt.write_bytes(asyncio.run(append(data / "main")))
        vkey = command("keys", "show", "--data", data).strip()
        verdict = command("verify", receipt, "--vkey", vkey)
        assert "SELF_CONSISTENT" in verdict
        print(verdict, end="")


if __name__ == "__main__":
    main()
