"""Measuring things in turn, so that what changes on the machine changes for all."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

_Key = TypeVar("_Key")
_Sample = TypeVar("_Sample")


def interleave(
    measures: Mapping[_Key, Callable[[], _Sample]], rounds: int
) -> dict[_Key, list[_Sample]]:
    """Take each measure *rounds* times: A B C A B C …, never A A B B C C."""
    samples: dict[_Key, list[_Sample]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            samples[name].append(measure())
    return samples


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios within each round."""
    pairs = zip(numerators, denominators, strict=True)
    return median(above / below for above, below in pairs)


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each of many equal steps took, in seconds."""

    durations: Sequence[float]

    @property
    def per_second(self) -> float:
        """Steps per second, one after the other."""
        return len(self.durations) / sum(self.durations)

    @property
    def p50(self) -> float:
        """The median duration."""
        return median(self.durations)

    @property
    def p99(self) -> float:
        """The duration that one step in a hundred exceeds."""
        if len(self.durations) < 2:
            return self.durations[0]
        return quantiles(self.durations, n=100, method="inclusive")[98]


def repeat(step: Callable[[], object], seconds: float) -> Timings:
    """Time *step* again and again, for *seconds*."""
    durations = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        step()
        durations.append(time.perf_counter() - started)
    return Timings(durations)
