"""What an entry may be: 1 to 65,535 bytes, the limits of an entry bundle."""

from collections.abc import Sequence

from merklelog.errors import BadEntry, EntryTooLarge, MalformedEntry
from proofs.tiles import MAX_ENTRY_SIZE


def check_entries(entries: Sequence[bytes], bad: Sequence[BadEntry] = ()) -> None:
    """Refuse a batch in which any entry is *bad* or of a wrong length, naming each.

    Raises:
        EntryTooLarge: that is all that is wrong with the batch.
        MalformedEntry: there are no entries, or one has something else wrong.
    """
    if not entries:
        raise MalformedEntry([BadEntry(0, "there are no entries")])
    lengths = [*map(len, entries)]
    if not bad and min(lengths) and max(lengths) <= MAX_ENTRY_SIZE:
        return
    empty = [BadEntry(i, "the entry is empty") for i, n in enumerate(lengths) if n == 0]
    too_large = [
        BadEntry(i, f"{length} bytes, the limit is {MAX_ENTRY_SIZE}")
        for i, length in enumerate(lengths)
        if length > MAX_ENTRY_SIZE
    ]
    if not bad and not empty:
        raise EntryTooLarge(too_large)
    raise MalformedEntry(sorted([*bad, *empty, *too_large]))
