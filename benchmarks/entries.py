"""What is appended: entries of 200 printable characters, no two the same."""

import os
from collections.abc import Iterator
from itertools import count

ENTRY_SIZE = 200

# The same scheme as in post.lua: the characters that start the entries of one batch
# are in no other batch, the rest is random. It costs next to nothing to make.
_PREFIX_SIZE = 12

_PRINTABLE = bytes(33 + byte % 94 for byte in range(256))


def random_text(size: int) -> bytes:
    """Return *size* random printable ASCII characters, without spaces."""
    return os.urandom(size).translate(_PRINTABLE)


def batches(size: int) -> Iterator[list[bytes]]:
    """Yield batches of *size* entries, without end."""
    rest = ENTRY_SIZE - _PREFIX_SIZE
    text = random_text(rest * size)
    tails = [text[i : i + rest] for i in range(0, len(text), rest)]
    run = random_text(4)
    for number in count():
        prefix = run + b"%08x" % number
        yield [prefix + tail for tail in tails]
