"""Running the commands of a page: one bash session, as a reader would type them.

The server of a page listens on a free port. ``merklelog serve`` runs beside the
session until that ends; so do ``systemctl start|stop|restart``, which stand for it
where a page speaks of an installed service.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from docs.pages import ROOT, Block

# A page says this, and the session has its own port.
_ADDRESS = "127.0.0.1:8080"

_PRELUDE = """
set -euo pipefail
merklelog() {
  if [[ $1 == serve && ${2:-} != --help ]]; then
    service=("$@")
    systemctl start merklelog
  else
    command merklelog "$@"
  fi
}
systemctl() {
  if [[ $1 != start && -n ${server:-} ]]; then
    kill -TERM "$server" && wait "$server"
    server=
  fi
  if [[ $1 != stop ]]; then
    command merklelog "${service[@]}" >server.out 2>server.err &
    server=$!
    for _ in {1..300}; do
      curl --silent --fail --output healthz "http://$address/healthz" && return
      sleep 0.1
    done
    cat server.err >&2
    return 1
  fi
}
trap '[[ -z ${server:-} ]] || { kill -TERM "$server"; wait "$server"; }' EXIT
"""


def run_session(session: Sequence[Block], folder: Path) -> list[str]:
    """Run the blocks of *session* in *folder*; return what each of them printed.

    Raises:
        AssertionError: a command failed; the message has its place and its errors.
    """
    address = f"127.0.0.1:{_free_port()}"
    script = _PRELUDE
    for number, block in enumerate(session):
        text = block.text.replace(_ADDRESS, address)
        script += f"echo '{block.place}' >place\n{{\n{text}}} >output.{number}\n"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MERKLELOG_LISTEN": address,
        "address": address,
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if done.returncode:
        place = (folder / "place").read_text("utf-8").strip()
        raise AssertionError(f"{place}: exit {done.returncode}: {done.stderr}")
    return [(folder / f"output.{n}").read_text("utf-8") for n in range(len(session))]


def matches(shown: str, printed: str) -> bool:
    """Whether *printed* is what a page shows; ``…`` in it stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
