"""The rollback guard: the newest released checkpoint, kept outside the store.

A store that was put back to an earlier state (a restored snapshot, a stale volume) is
consistent in itself; appending to it would sign a second history for sizes that were
released before. The guard is a file that such a rollback does not take along. It is
trusted: whoever can roll back the store *and* this file is noticed only by clients
and witnesses.
"""

from collections.abc import Sequence
from pathlib import Path

from merklelog import durable
from merklelog.errors import FatalError
from merklelog.storage.interface import Store
from proofs.note import Verifier

from .head import Head
from .state import State, contains, open_head


def read_guard(path: Path, verifiers: Sequence[Verifier], origin: str) -> Head | None:
    """Return the newest head that was released before; None without a guard file.

    Raises:
        FatalError: the file does not hold a checkpoint that this log signed.
    """
    try:
        note = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FatalError(f"cannot read the rollback guard {path}: {error}") from error
    try:
        return open_head(note, verifiers, origin)
    except FatalError as error:
        raise FatalError(
            f"the rollback guard {path} does not hold a checkpoint of {origin} signed "
            "by this log's keys: put back the right file or the right keys"
        ) from error


def write_guard(path: Path, head: Head) -> None:
    """Replace the guard file by *head*, atomically and durably. Blocks."""
    durable.replace(path, head.note)


async def check_guard(
    path: Path, guard: Head | None, state: State, store: Store
) -> bool:
    """Insist that the store contains *guard*, what was last released.

    A store ahead of the guard is fine: the guard is written after the commit. A
    frozen log may be behind it, as it signs and appends nothing.

    Returns whether the guard at *path* may follow the log from now on. Under a frozen
    log that does not contain it, it stays as it is: it would tell the next restore
    that nothing newer was ever released.

    Raises:
        FatalError: the store was rolled back, holds another history, or cannot be
            compared, because there is no guard.
    """
    if guard is not None and await contains(state, store, guard):
        return True
    if state.read_only is not None:
        return False
    if guard is None:
        raise FatalError(
            f"the rollback guard {path} is missing: nothing says whether the store, at "
            f"size {state.head.size}, is the newest. Bring the file back, or mount its "
            "disk. If it is lost, put the newest checkpoint of this log that anybody "
            "has in its place; if it was moved, say where in log.toml"
        )
    raise FatalError(
        f"the store is at size {state.head.size}, but a checkpoint of size "
        f"{guard.size} with root {guard.root_hash.hex()} was released, which it does "
        "not contain: it was rolled back or replaced. Appending would sign a fork. "
        "Bring the newer store back, or restore it as a frozen log with `merklelog "
        "log restore` and start a successor with `merklelog log succeed`"
    )
