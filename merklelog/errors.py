"""The exceptions of the server and of the embedded log.

::

    MerklelogError               .code .detail .members
    ├─ RequestError              a request was refused, and changed nothing
    │  ├─ MalformedRequest       malformed_request
    │  ├─ MalformedEntry         malformed_entry         .bad
    │  ├─ NoWitnessPolicy        no_witness_policy
    │  ├─ NotFound               not_found
    │  ├─ MethodNotAllowed       method_not_allowed
    │  ├─ NotAcceptable          not_acceptable
    │  ├─ RequestTimeout         request_timeout
    │  ├─ IdempotencyConflict    idempotency_conflict
    │  ├─ LogReadOnly            log_read_only
    │  ├─ EntryTooLarge          entry_too_large         .bad
    │  ├─ BodyTooLarge           body_too_large          .limit
    │  ├─ UnsupportedMediaType   unsupported_media_type
    │  ├─ RateLimited            rate_limited            .retry_after
    │  └─ PoolFull               pool_full               .retry_after
    ├─ StorageError              the store did not do what it was asked
    │  ├─ StorageFailed          storage_failed          .retry_after: outcome unknown
    │  ├─ Conflict               an expected value differs, nothing was written
    │  │  └─ CheckpointConflict  another writer has extended the log
    │  ├─ CorruptStore           what was read cannot have been written
    │  ├─ MissingStore           there is no store in this folder
    │  ├─ StoreHeld              another process has it open
    │  ├─ NewerFormat            written by a newer release
    │  └─ MissingLevelDB         the library cannot be imported
    ├─ ConfigError               .problems, one line each
    └─ FatalError                state unknown: stop, reopen, recover

``code`` is stable and goes to clients, ``detail`` is for people, and ``members`` are
further members of the problem document (RFC 9457 section 3.2). Only ``api/problems.py``
knows HTTP statuses.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

# How many bad entries the text of an error names. The members name all of them.
_NAMED_IN_DETAIL = 3


class MerklelogError(Exception):
    """Never raised itself: the root of every error of this package."""

    code: ClassVar[str] = "internal_error"

    def __init__(
        self, detail: str, *, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = dict(members or {})


class RequestError(MerklelogError):
    """A request was refused. It changed nothing."""


class MalformedRequest(RequestError):
    """A parameter, a header or the framing of the body is not what it has to be.

    *field* names the offending one, and goes into the problem document.
    """

    code = "malformed_request"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail, members={"field": field} if field else None)


class BadEntry(NamedTuple):
    """One entry of a batch that was refused, by its zero-based place in the batch."""

    position: int
    reason: str


class _BadEntries(RequestError):
    """A batch is all or nothing: it is refused, and every bad entry is named."""

    def __init__(self, bad: Sequence[BadEntry]) -> None:
        named = "; ".join(
            f"entry {position}: {reason}" for position, reason in bad[:_NAMED_IN_DETAIL]
        )
        more = len(bad) - _NAMED_IN_DETAIL
        super().__init__(
            f"{named}; and {more} more" if more > 0 else named,
            members={"entries": [entry._asdict() for entry in bad]},
        )
        self.bad = tuple(bad)


class MalformedEntry(_BadEntries):
    """At least one entry of the batch is empty or not in its format."""

    code = "malformed_entry"


class EntryTooLarge(_BadEntries):
    """At least one entry of the batch is longer than an entry may be."""

    code = "entry_too_large"


class NoWitnessPolicy(RequestError):
    """The request waits for witnesses, and the log has none."""

    code = "no_witness_policy"


class NotFound(RequestError):
    """There is no such log, entry, tile or page; or it is beyond the signed tree."""

    code = "not_found"


class MethodNotAllowed(RequestError):
    """The path exists, and does not take this method."""

    code = "method_not_allowed"

    def __init__(self, method: str, *, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{method} is not allowed here, only {', '.join(allowed)}",
            members={"allowed": list(allowed)},
        )
        self.allowed = tuple(allowed)


class NotAcceptable(RequestError):
    """None of the formats that the client accepts is one that is served."""

    code = "not_acceptable"


class RequestTimeout(RequestError):
    """The body did not arrive in time."""

    code = "request_timeout"


class IdempotencyConflict(RequestError):
    """The idempotency key was used before, for other content."""

    code = "idempotency_conflict"


class LogReadOnly(RequestError):
    """The log is frozen, and takes no more entries."""

    code = "log_read_only"


class BodyTooLarge(RequestError):
    """The body has more than *limit* bytes, or holds more than *limit* entries."""

    code = "body_too_large"

    def __init__(self, *, limit: int, unit: str = "bytes") -> None:
        super().__init__(
            f"the body is too large, the limit is {limit} {unit}",
            members={"limit": limit, "unit": unit},
        )
        self.limit = limit


class UnsupportedMediaType(RequestError):
    """The body's Content-Type or Content-Encoding is not one that is read here."""

    code = "unsupported_media_type"


class RateLimited(RequestError):
    """The client sends more than it may. *retry_after* is in whole seconds."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, members={"retry_after": retry_after})
        self.retry_after = retry_after


class PoolFull(RequestError):
    """More is waiting than may wait. Nothing of the request was taken.

    *retry_after* is in whole seconds, *limit* in bytes.
    """

    code = "pool_full"

    def __init__(self, *, limit: int, retry_after: int = 1) -> None:
        super().__init__(
            f"{limit} bytes of entries are already waiting to be committed; "
            "nothing of this request was taken",
            members={"retry_after": retry_after},
        )
        self.retry_after = retry_after


class StorageError(MerklelogError):
    """The store did not do what it was asked. The cause, if any, is chained.

    Out of ``commit``, unless it is a ``Conflict``: the outcome is unknown until the
    store has been reopened and read.
    """

    code = "storage_failed"


class StorageFailed(StorageError):
    """The store is out of service. A commit that ended so may be on disk or not.

    The one storage error meant for clients: retry after *retry_after* whole seconds,
    with the same idempotency key.
    """

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail, members={"retry_after": retry_after})
        self.retry_after = retry_after


class Conflict(StorageError):
    """An expected value differs from the stored one. Nothing was written."""


class CheckpointConflict(Conflict):
    """The stored head is not the one that was extended: there is another writer."""


class CorruptStore(StorageError):
    """What was read cannot have been written: a checksum or a layout is wrong."""


class MissingStore(StorageError):
    """There is no store in this folder. Never to be read as an empty one."""


class StoreHeld(StorageError):
    """Another process has the store open."""


class NewerFormat(StorageError):
    """A newer release wrote the store. This one must not touch it."""


class MissingLevelDB(StorageError):
    """LevelDB's Python binding cannot be imported."""


class ConfigError(MerklelogError):
    """The configuration is wrong. Each problem is one line: option, file, limit."""

    code = "config_error"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class FatalError(MerklelogError):
    """The state in memory cannot be trusted: stop, reopen from the store, recover."""

    code = "storage_failed"
