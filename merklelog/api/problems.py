"""Errors as the outside sees them: problem documents (RFC 9457) with a stable code.

::

    HTTP/1.1 503 Service Unavailable
    Content-Type: application/problem+json
    Retry-After: 1

    {"type": "about:blank", "title": "Service Unavailable", "status": 503,
     "code": "pool_full", "detail": "67108864 bytes of entries are already ..."}

This is the only file that knows which error has which HTTP status. Clients decide by
``code``; ``detail`` is for people and may change.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from merklelog.errors import (
    BodyTooLarge,
    EntryTooLarge,
    FatalError,
    IdempotencyConflict,
    LogReadOnly,
    MalformedRequest,
    MerklelogError,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    PoolFull,
    RateLimited,
    RequestError,
    RequestTimeout,
    StorageError,
    UnsupportedMediaType,
)
from proofs.errors import MalformedError

from .documents import encode_json

STATUS: Mapping[type[MerklelogError], HTTPStatus] = {
    # Whatever of its children is not listed is 400: the request is at fault.
    RequestError: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    IdempotencyConflict: HTTPStatus.CONFLICT,
    LogReadOnly: HTTPStatus.GONE,
    EntryTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    PoolFull: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    FatalError: HTTPStatus.SERVICE_UNAVAILABLE,
    MerklelogError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

# Seconds after which a 503 invites the client back when the error names no time. The
# store is reopened with a back-off that begins below this.
_RETRY_AFTER = 1

# Refusals whose body was not read to its end: the connection is not used again, since
# what follows on it is the rest of that body.
_ENDS_CONNECTION = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
)


def status_of(error: MerklelogError) -> HTTPStatus:
    """Return the HTTP status of *error*: that of its nearest listed class."""
    for kind in type(error).__mro__:
        if issubclass(kind, MerklelogError) and kind in STATUS:
            return STATUS[kind]
    raise AssertionError("bad table in STATUS: MerklelogError is not listed")


def problem_of(error: MerklelogError) -> tuple[HTTPStatus, dict[str, str], bytes]:
    """Return what tells of *error*: the status, its headers, and the document."""
    status = status_of(error)
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: "application/problem+json"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE or isinstance(error, RateLimited):
        headers[hdrs.RETRY_AFTER] = str(getattr(error, "retry_after", _RETRY_AFTER))
    if isinstance(error, MethodNotAllowed):
        headers[hdrs.ALLOW] = ", ".join(error.allowed)
    return status, headers, _document(error, status)


def problem_response(error: MerklelogError) -> web.Response:
    """Return *error* as a response."""
    status, headers, document = problem_of(error)
    response = web.Response(status=status, body=document, headers=headers)
    if status in _ENDS_CONNECTION:
        response.force_close()
    return response


def from_http_exception(
    exception: web.HTTPException, request: web.BaseRequest
) -> MerklelogError:
    """Return our error for one that aiohttp raised itself while routing or reading."""
    if isinstance(exception, web.HTTPNotFound):
        return NotFound(f"there is nothing at {request.path[:200]}")
    if isinstance(exception, web.HTTPMethodNotAllowed):
        return MethodNotAllowed(
            exception.method, allowed=sorted(exception.allowed_methods)
        )
    if isinstance(exception, web.HTTPExpectationFailed):
        return MalformedRequest("only Expect: 100-continue is served", field="Expect")
    if exception.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return MalformedRequest(exception.reason)
    return MerklelogError("the server failed to answer; the failure has been logged")


@web.middleware
async def answer_problems(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Turn every error that a handler raises into a problem document.

    What is no refusal (a bug), and what fails once the answer has begun, passes
    through to `merklelog.api.front`, where the connection ends and the failure is
    logged.
    """
    try:
        return await handler(request)
    except (MerklelogError, MalformedError, web.HTTPException) as error:
        if request.writer.output_size > 0:
            # Inside the answer that has begun, a second one would be read as its
            # body. It breaks off instead, so that nobody takes it for whole.
            raise
        return problem_response(_refusal_of(error, request))


def _refusal_of(error: Exception, request: web.Request) -> MerklelogError:
    """Return our error for whatever ended *request*."""
    if isinstance(error, web.HTTPException):
        return from_http_exception(error, request)
    if isinstance(error, MerklelogError):
        return error
    # A number, hash or path of the request, which proofs/ refused to parse.
    return MalformedRequest(str(error))


def _document(error: MerklelogError, status: HTTPStatus) -> bytes:
    """Return the problem document. With about:blank the title is the status's own."""
    return encode_json(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "code": error.code,
            "detail": error.detail,
            **error.members,
        }
    )
