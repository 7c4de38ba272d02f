"""Writing files so that they survive a power cut: done right once, for everybody.

A file is durable when its bytes are synced *and* the folder that names it is.
"""

import os
from pathlib import Path


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write *data* to the new file *path*, with exactly *mode*. Blocks.

    Raises:
        FileExistsError: it exists; nothing was changed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)  # Whatever the umask is.
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Give the file *path* the content *data*, all at once or not at all. Blocks."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make the file, or the names in the folder, *path* durable. Blocks."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_below(folder: Path) -> None:
    """Make every file and folder below *folder* durable, and itself. Blocks."""
    for directory, _, files in os.walk(folder):
        for name in files:
            sync(Path(directory) / name)
        sync(Path(directory))
