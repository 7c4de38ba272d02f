"""What style and layout ask of each source file, where no linter looks."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from meta.sources import FILES, ROOT, short_name, tree_of

MOST_LINES = 600

# Names that say nothing of what is in a file, so that anything ends up in it.
NOT_A_CONCEPT = {"utils.py", "helpers.py", "common.py", "models.py", "misc.py"}

each_file = pytest.mark.parametrize("file", FILES, ids=short_name)

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(
    node: ast.Module | Documented, prefix: str = ""
) -> Iterator[tuple[str, Documented]]:
    """Yield the public functions and classes in *node*, and in its classes."""
    for child in node.body:
        if not isinstance(child, Documented) or child.name.startswith("_"):
            continue
        yield f"{prefix}{child.name}", child
        if isinstance(child, ast.ClassDef):
            yield from public_definitions(child, f"{child.name}.")


def contract_methods(tree: ast.Module) -> set[str]:
    """Return the names of the methods that the protocols in *tree* document."""
    protocols = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases)
    ]
    return {name for node in protocols for name, _ in public_definitions(node)}


@each_file
def test_everything_public_has_a_docstring(file: Path) -> None:
    """A method may have it in the protocol that its class fulfils, in the same file."""
    tree = tree_of(file)
    undocumented = [
        name for name, node in public_definitions(tree) if not ast.get_docstring(node)
    ]
    contracts = contract_methods(tree)

    assert [n for n in undocumented if n.rpartition(".")[2] not in contracts] == []


@each_file
def test_every_file_says_what_it_is(file: Path) -> None:
    """An __init__.py may be empty."""
    text = file.read_text(encoding="utf-8")

    assert ast.get_docstring(tree_of(file)) or (file.name == "__init__.py" and not text)


@each_file
def test_no_bare_assert(file: Path) -> None:
    """python -O removes it, and what it protected goes on unprotected."""
    nodes = ast.walk(tree_of(file))

    assert [node.lineno for node in nodes if isinstance(node, ast.Assert)] == []


@each_file
def test_a_file_is_one_concept(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert file.name not in NOT_A_CONCEPT


def test_the_tests_are_no_package() -> None:
    """With an __init__.py, tests/proofs would be imported in place of proofs."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
