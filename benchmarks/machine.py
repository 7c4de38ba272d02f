"""What a figure depends on beside the code: the machine, and what else it is doing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def describe(folder: Path) -> dict[str, str]:
    """Return the facts of this machine that a reader needs; *folder* is on the disk."""
    load, _, _ = os.getloadavg()
    libraries = ("aiohttp", "uvloop", "plyvel", "cryptography")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{_total_memory() / (1 << 30):.0f} GiB",
        "disk": filesystem_of(folder),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries),
        "commit": _commit(),
        "load before": f"{load:.1f}",
    }


def filesystem_of(folder: Path) -> str:
    """Return the type of the file system that holds *folder*: ``ext4``, ``tmpfs``…"""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    # proc(5): the third field of a line is the device, the one after " - " the type.
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == number:
            return source.split()[0]
    return "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _total_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
