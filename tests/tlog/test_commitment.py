"""Commitments: the sequence of a submission's receipts, and of nobody else's."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from memorylog import LogOnMemory
from reference.merkle import ReferenceTree

from merklelog.tlog import Commitment
from merklelog.tlog.paths import as_hashes

ENTRIES = [b"one", b"same", b"three", b"same"]


@pytest.fixture
async def shared(on_memory: LogOnMemory) -> AsyncIterator[list[Commitment]]:
    """Return three submissions that share one commit; the second has `ENTRIES`."""
    async with on_memory.open() as log:
        await log.add([b"%d" % i for i in range(7)])
        before = on_memory.store.commits
        batches = ([b"a", b"b"], ENTRIES, [b"y", b"z"])
        yield await asyncio.gather(*map(log.add, batches))
        assert on_memory.store.commits == before + 1


@pytest.fixture
def commitment(shared: list[Commitment]) -> Commitment:
    return shared[1]


def test_it_has_a_receipt_for_each_entry(commitment: Commitment) -> None:
    assert len(commitment) == 4
    assert [receipt.index for receipt in commitment] == [9, 10, 11, 12]


def test_every_receipt_is_that_of_its_own_entry(
    commitment: Commitment, on_memory: LogOnMemory
) -> None:
    """Also between neighbours in the same commit, and of equal entries."""
    for receipt, entry in zip(commitment, ENTRIES, strict=True):
        on_memory.verify(receipt, entry)


@pytest.mark.parametrize("offset", range(-4, 4))
def test_an_offset_counts_from_either_end(commitment: Commitment, offset: int) -> None:
    assert commitment[offset] == list(commitment)[offset]


@pytest.mark.parametrize("offset", [4, 5, -5, 100])
def test_there_is_nothing_beyond_its_ends(commitment: Commitment, offset: int) -> None:
    """Not even the receipt of who shares the commit."""
    with pytest.raises(IndexError):
        commitment[offset]


@pytest.mark.parametrize("offset", range(-4, 4))
def test_a_proof_by_offset_is_that_of_the_receipt(
    commitment: Commitment, offset: int
) -> None:
    """Negative offsets too."""
    proof = commitment.inclusion_path(offset, as_hashes)
    assert proof == commitment[offset].inclusion_proof


@pytest.mark.parametrize("offset", [4, -5])
def test_there_is_no_proof_beyond_its_ends(commitment: Commitment, offset: int) -> None:
    """It would be somebody else's, and true."""
    with pytest.raises(IndexError):
        commitment.inclusion_path(offset, as_hashes)


@pytest.mark.parametrize(
    "part",
    [slice(None), slice(1, 3), slice(-2, None), slice(None, None, -1), slice(9, 12)],
)
def test_a_slice_is_the_slice_of_its_receipts(
    commitment: Commitment, part: slice
) -> None:
    assert commitment[part] == list(commitment)[part]


def test_a_receipt_is_found_in_it(commitment: Commitment) -> None:
    """It is a sequence in every respect."""
    assert commitment[2] in commitment
    assert commitment.index(commitment[3]) == 3
    assert [*reversed(commitment)] == [*commitment][::-1]


def test_submissions_of_one_commit_have_the_same_head(shared: list[Commitment]) -> None:
    entries = [b"%d" % i for i in range(7)] + [b"a", b"b", *ENTRIES, b"y", b"z"]
    assert {c.head.root_hash for c in shared} == {ReferenceTree(entries).root(15)}
