"""The table before the application: paths to which single entries are posted.

What it answers, byte for byte as `submit` does for the same request, is the text of an
HTTP response: there is no Request and no Response on this way.
"""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import hdrs
from aiohttp.http import RawRequestMessage

from merklelog.clock import now_ms
from merklelog.errors import MerklelogError
from merklelog.tlog.commitment import Commitment
from merklelog.tlog.log import Log

from .app import SERVER_NAME
from .documents import JSON
from .problems import problem_of
from .receipts import ReceiptWriter
from .submit import BYTES

# Headers that change what a submission means, or how it is read or answered. Requests
# with one of them are the application's.
_UNUSUAL = (
    hdrs.CONNECTION,
    hdrs.CONTENT_ENCODING,
    hdrs.EXPECT,
    hdrs.UPGRADE,
    "Idempotency-Key",
)

_RESPONSE = (
    b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\nDate: %b\r\nServer: %b\r\n\r\n%b"
)

_SERVER = SERVER_NAME.encode("ascii")


class Route:
    """One line of the table: a path to which single entries are posted."""

    __slots__ = ("_answer", "_any_type", "log", "pattern", "status")

    def __init__(
        self,
        log: Log,
        pattern: str,
        status: HTTPStatus,
        answer: Callable[[Commitment], tuple[bytes, bytes]],
        *,
        any_type: bool = False,
    ) -> None:
        """*answer* returns the headers of its own and the body for a commitment."""
        self.log = log
        self.pattern = pattern
        """The path as the application's routes spell it: the label of its metrics."""
        self.status = status
        self._answer = answer
        self._any_type = any_type

    def takes(self, message: RawRequestMessage) -> bool:
        """Tell whether nothing about a submission but its path has to be looked at."""
        headers = message.headers
        if message.should_close or any(name in headers for name in _UNUSUAL):
            return False
        return self._any_type or headers.get(hdrs.CONTENT_TYPE, BYTES) == BYTES

    def response(self, commitment: Commitment) -> bytes:
        """Return the whole HTTP response for *commitment*."""
        headers, body = self._answer(commitment)
        return _http_response(self.status, headers, body, commitment.head.timestamp)


def routes_of(log: Log, writer: ReceiptWriter) -> Mapping[str, Route]:
    """Return the lines of the table for *log*, by raw path."""
    type_json = f"Content-Type: {JSON}\r\n".encode("ascii")
    location = type_json + f"Location: /logs/{log.name}/entries/".encode("ascii")
    type_text = b"Content-Type: text/plain; charset=utf-8\r\n"

    def receipt(commitment: Commitment) -> tuple[bytes, bytes]:
        headers = b"%b%d\r\n" % (location, commitment.first_index)
        return headers, writer.full(commitment, 0)

    def index(commitment: Commitment) -> tuple[bytes, bytes]:
        return type_text, b"%d" % commitment.first_index

    entries = Route(log, "/logs/{log}/entries", HTTPStatus.CREATED, receipt)
    add = Route(log, "/logs/{log}/add", HTTPStatus.OK, index, any_type=True)
    return {f"/logs/{log.name}/entries": entries, f"/logs/{log.name}/add": add}


def refusal(error: MerklelogError) -> tuple[bytes, HTTPStatus]:
    """Return the whole HTTP response that tells of *error*, and its status."""
    status, headers, document = problem_of(error)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return _http_response(status, lines.encode("ascii"), document, now_ms()), status


def _http_response(
    status: HTTPStatus, headers: bytes, body: bytes, milliseconds: int
) -> bytes:
    """Return an HTTP/1.1 response. *headers* are lines of their own."""
    return _RESPONSE % (
        status,
        status.phrase.encode("ascii"),
        headers,
        len(body),
        _http_date(milliseconds // 1000),
        _SERVER,
        body,
    )


@lru_cache(maxsize=2)
def _http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode("ascii")
