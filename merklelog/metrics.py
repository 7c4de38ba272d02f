"""What a server measures, for Prometheus.

Every `Metrics` has a registry of its own, so that two servers in one process, or two
tests, do not add up. What belongs to one log carries the label ``log``; so do requests,
with an empty one for routes that belong to no log.

A `LogMetrics` is bound to its log once: then counting costs less than a microsecond,
of which looking up labels would be half.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# Seconds. From a lone request on a fast disk (0.4 ms) to where clients give up. Few:
# observing walks through them.
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0)

# Entries in a commit: a lone one, then group commits, up to the largest batch.
_ENTRIES = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)


@dataclass(frozen=True, slots=True)
class LogMetrics:
    """What is measured of one log. Written only: the log itself knows its state."""

    entries_total: Counter
    # The gauges are set once, with ``set_function``: read when they are asked for.
    tree_size: Gauge
    checkpoint_age: Gauge
    commit_seconds: Histogram
    commit_entries: Histogram
    pool_bytes: Gauge
    follower_lag: Callable[[str], Gauge]
    """By the name of the follower."""


class Metrics:
    """All that one server measures."""

    CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
    """Of `exposition`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._entries = Counter(
            "merklelog_entries_total",
            "Entries committed since the server started.",
            ["log"],
            registry=self.registry,
        )
        self._tree_size = self._gauge(
            "merklelog_tree_size", "Leaves under the newest signed checkpoint."
        )
        self._checkpoint_age = self._gauge(
            "merklelog_checkpoint_age_seconds", "Age of the published checkpoint."
        )
        self._commit_seconds = self._histogram(
            "merklelog_commit_seconds",
            "Time of a commit, from taking the pool to releasing the receipts.",
            _SECONDS,
        )
        self._commit_entries = self._histogram(
            "merklelog_commit_entries", "Entries in a commit.", _ENTRIES
        )
        self._pool_bytes = self._gauge(
            "merklelog_pool_bytes", "Bytes of entries that wait for a commit."
        )
        self._follower_lag = self._gauge(
            "merklelog_follower_lag_entries",
            "Committed entries that a follower has not handled yet.",
            "follower",
        )
        self._requests = self._histogram(
            "merklelog_request_seconds",
            "Time from a request's headers to the end of its answer.",
            _SECONDS,
            "route",
            "method",
            "status",
        )

    def for_log(self, log: str) -> LogMetrics:
        """Return what is measured of the log with the short name *log*."""
        return LogMetrics(
            entries_total=self._entries.labels(log),
            tree_size=self._tree_size.labels(log),
            checkpoint_age=self._checkpoint_age.labels(log),
            commit_seconds=self._commit_seconds.labels(log),
            commit_entries=self._commit_entries.labels(log),
            pool_bytes=self._pool_bytes.labels(log),
            follower_lag=partial(self._follower_lag.labels, log),
        )

    def request(self, *, log: str, route: str, method: str, status: int) -> Histogram:
        """Return the histogram of such requests, to be kept where they are frequent.

        *route* is the pattern and not the path, *log* empty where there is none: a
        client must not be able to make up label values.
        """
        return self._requests.labels(log, route, method, str(status))

    def exposition(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, ["log", *labels], registry=self.registry)

    def _histogram(
        self, name: str, help_text: str, buckets: Sequence[float], *labels: str
    ) -> Histogram:
        return Histogram(
            name,
            help_text,
            ["log", *labels],
            buckets=buckets,
            registry=self.registry,
        )
