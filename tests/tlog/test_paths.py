"""The proofs of a commit, built together, against those of the RFC, one by one."""

import pytest
from reference.merkle import ReferenceTree

from merklelog.tlog.integrate import EMPTY_EDGE, Integration, integrate
from merklelog.tlog.paths import _MOST_PAGES, PAGE, Paths, as_hashes
from proofs.merkle import verify_inclusion

ENTRIES = [str(i).encode() for i in range(3 * PAGE)]
TREE = ReferenceTree(ENTRIES)
LEAVES = TREE.leaves

OLD_SIZES = [0, 1, 2, 3, 7, 8, 100, 255, 256, 257, 300]


def commit_of(old_size: int, new_size: int) -> Integration:
    """Return the commit that takes a log from *old_size* to *new_size*."""
    before = integrate(EMPTY_EDGE, LEAVES[:old_size]).after if old_size else EMPTY_EDGE
    return integrate(before, LEAVES[old_size:new_size])


@pytest.mark.parametrize("old_size", OLD_SIZES)
def test_every_path_is_that_of_the_rfc(old_size: int) -> None:
    """Whatever the sizes of the log and of the commit."""
    for count in (*range(1, 20), 63, 64, 65, 255, 256, 257):
        new_size = old_size + count
        paths = Paths(commit_of(old_size, new_size))
        for index in range(old_size, new_size):
            assert list(paths.of(index, as_hashes)) == TREE.inclusion(index, new_size)


@pytest.mark.parametrize("old_size", [0, 1, 5])
def test_paths_of_a_commit_of_several_pages_are_those_of_the_rfc(
    old_size: int,
) -> None:
    """Also beside the border of two pages."""
    new_size = old_size + 2 * PAGE + 3
    paths = Paths(commit_of(old_size, new_size))
    for offset in (
        0,
        1,
        PAGE - 1,
        PAGE,
        PAGE + 1,
        2 * PAGE - 1,
        2 * PAGE,
        2 * PAGE + 2,
    ):
        index = old_size + offset
        assert list(paths.of(index, as_hashes)) == TREE.inclusion(index, new_size)


def test_paths_verify() -> None:
    """What a receipt carries convinces the verifier."""
    commit = commit_of(1000, 1100)
    paths = Paths(commit)
    for index in range(1000, 1100):
        verify_inclusion(
            index=index,
            size=1100,
            leaf_hash=LEAVES[index],
            proof=paths.of(index, as_hashes),
            root_hash=commit.root_hash,
        )


def as_text(node: bytes) -> bytes:
    return b"%b," % node.hex().encode()


def test_a_path_as_text_is_the_concatenation_of_its_hashes() -> None:
    """A path can be built as the text that goes into a receipt."""
    paths = Paths(commit_of(5, 37))
    for index in range(5, 37):
        hashes = paths.of(index, as_hashes)
        assert paths.of(index, as_text) == b"".join(map(as_text, hashes))


def test_reading_one_path_builds_no_more_than_its_page() -> None:
    """A lone receipt of a huge commit does not hold up the loop for all of it."""
    paths = Paths(commit_of(0, 3 * PAGE))
    paths.of(PAGE, as_hashes)
    ((_, built),) = paths._pages.items()
    assert len(built) == PAGE


def test_reading_every_path_does_not_keep_them_all() -> None:
    """A client that reads the receipts of a huge batch slowly holds a few pages."""
    count = (_MOST_PAGES + 2) * PAGE
    leaves = [bytes(28) + index.to_bytes(4, "big") for index in range(count)]
    commit = integrate(EMPTY_EDGE, leaves)
    paths = Paths(commit)
    for index in (*range(0, count, PAGE), 0):
        verify_inclusion(
            index=index,
            size=count,
            leaf_hash=leaves[index],
            proof=paths.of(index, as_hashes),
            root_hash=commit.root_hash,
        )
        assert len(paths._pages) <= _MOST_PAGES
