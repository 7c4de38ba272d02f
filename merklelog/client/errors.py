"""What can go wrong between a client and a log server.

::

    ClientError
    ├─ BadRecord        an input file does not hold records that a log can take
    ├─ Unreachable      no answer: whether a submission took effect is unknown
    ├─ BadAnswer        an answer that this server's interface does not allow
    └─ ServerProblem    the server refused (RFC 9457): .status .code .retry_after

The text of each is one line that says what to do.
"""


class ClientError(Exception):
    """Never raised itself: the root of this package's errors."""


class BadRecord(ClientError):
    """An input cannot be submitted. Nothing of it has been sent."""


class Unreachable(ClientError):
    """The server cannot be reached, or went away before it answered."""


class BadAnswer(ClientError):
    """The server answered something that its interface does not allow."""


class ServerProblem(ClientError):
    """The server refused the request, and changed nothing by it.

    Exception: after ``storage_failed`` the outcome is unknown.
    """

    def __init__(
        self, *, status: int, code: str, detail: str, retry_after: float | None
    ) -> None:
        super().__init__(f"the server refused: {detail} ({code}, HTTP {status})")
        self.status = status
        self.code = code
        self.retry_after = retry_after
        """Seconds, where the server named them."""
