"""The source files of both packages, as text and as syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("proofs", "merklelog")
FILES = sorted(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))


def module_name(file: Path) -> str:
    """Return the name under which *file* is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def short_name(file: Path) -> str:
    """Return *file* relative to the repository, as the name of a test."""
    return str(file.relative_to(ROOT))


def tree_of(file: Path) -> ast.Module:
    """Return the syntax tree of *file*."""
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(file: Path) -> Iterator[str]:
    """Yield every module that *file* imports absolutely, also within functions."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
