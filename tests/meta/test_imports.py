"""Each module can be imported alone, and proofs/ needs next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from meta.sources import FILES, PACKAGES, ROOT, imports_of, module_name, short_name

import proofs

# proofs.keys and proofs.cbor have these two.
ALLOWED = {"cryptography", "cbor2"}

# Imports each of the modules in its arguments as if it were the first, in one process:
# what the one before it brought in is forgotten, of our own.
IMPORT_EACH_ALONE = """
import importlib, sys
failed = []
for name in sys.argv[1:]:
    ours = [m for m in sys.modules if m.partition(".")[0] in {"proofs", "merklelog"}]
    for module in ours:
        del sys.modules[module]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(f"{name}: {error}")
sys.exit("\\n".join(failed) or 0)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_can_be_imported_first(package: str) -> None:
    """So no module needs another one to have been imported before: no cycles."""
    # Not __main__.py: importing it runs the program.
    files = [file for file in FILES if file.name != "__main__.py"]
    names = [name for name in map(module_name, files) if name.startswith(package)]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "file", [f for f in FILES if module_name(f).startswith("proofs")], ids=short_name
)
def test_proofs_imports_the_standard_library_and_two_packages(file: Path) -> None:
    """Its own modules it imports relatively, so it can be vendored under any name."""
    imported = {name.partition(".")[0] for name in imports_of(file)}

    assert imported - sys.stdlib_module_names <= ALLOWED


def test_the_public_names_are_sorted_and_there() -> None:
    """Constants first, then classes, then functions, as ruff sorts them."""
    names = list(proofs.__all__)

    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(proofs, name)] == []
    kinds = [
        [name for name in names if name.isupper()],
        [name for name in names if not name.isupper() and name[0].isupper()],
        [name for name in names if name[0].islower()],
    ]
    assert names == [name for kind in kinds for name in sorted(kind)]


def test_every_public_object_imported_is_listed() -> None:
    """What proofs/__init__.py imports, it exports."""
    modules = {file.stem for file in (ROOT / "proofs").glob("*.py")}
    imported = {name for name in vars(proofs) if not name.startswith("_")} - modules

    assert imported == set(proofs.__all__)
