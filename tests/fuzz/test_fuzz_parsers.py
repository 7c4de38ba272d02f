"""No bytes bring a parser to raise, accept or believe what it must not."""

import pytest
from fuzz.mutation import mutated
from fuzz.targets import all_targets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TARGETS = all_targets()
EXAMPLES = 400


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_hold(name: str) -> None:
    for seed in (*TARGETS[name].seeds, b""):
        TARGETS[name].fuzz_one(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_no_mutation_violates_a_property(name: str) -> None:
    fuzz_one, seeds = TARGETS[name]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutated(seeds) | st.binary(max_size=64))
    def search(data: bytes) -> None:
        fuzz_one(data)

    search()
