"""The administration of a running server, over the socket ``DIR/admin.sock``.

::

    GET  /logs                                   {"logs": [...]}
    GET  /logs/{log}/stats                       figures of one log
    POST /logs/{log}/freeze  {"reason": "..."}   {"frozen": true, "checkpoint": "..."}
    POST /logs/{log}/backup  {"to": "/path"}     a line of progress now and then; last
                                                 {"to": "/path", "size": n}
    POST /logs/{log}/fsck    {"vkeys": [...]}    the same; last {"report": {...}}, or
                                                 {"invalid"|"unreadable": "why"}

A store has one owner, so what needs it while a server runs is done by the server. The
socket has mode 0600: whoever can open it is who owns the data folder, and could do all
of this himself with the server stopped.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web

from merklelog.errors import MalformedRequest, MerklelogError
from merklelog.tlog.backup import backup
from merklelog.tlog.fsck import Absent, Report, fsck
from merklelog.tlog.log import Log
from merklelog.tlog.status import stats
from merklelog.tlog.storesource import StoreSource
from proofs.errors import MalformedError, VerificationError
from proofs.keys import parse_vkey
from proofs.text import format_base64

from .documents import encode_json, json_response
from .health import get_logs
from .problems import answer_problems
from .state import LOGS, log_of

Progress = dict[str, object]
Job = Callable[[Progress], Awaitable[Mapping[str, object]]]

# Seconds between two lines of progress.
_PROGRESS_INTERVAL = 0.2

# A request is a path or a few keys.
_MAX_BODY_SIZE = 64 * 1024


def make_admin_app(logs: Mapping[str, Log]) -> web.Application:
    """Return the application that administers *logs*. Never bind it to a network."""
    app = web.Application(middlewares=[answer_problems], client_max_size=_MAX_BODY_SIZE)
    app[LOGS] = logs
    app.add_routes(
        [
            web.get("/logs", get_logs),
            web.get("/logs/{log}/stats", _get_stats),
            web.post("/logs/{log}/freeze", _freeze),
            web.post("/logs/{log}/backup", _back_up),
            web.post("/logs/{log}/fsck", _check),
        ]
    )
    return app


async def _get_stats(request: web.Request) -> web.Response:
    return json_response(await stats(log_of(request)))


async def _freeze(request: web.Request) -> web.Response:
    log = log_of(request)
    document = await _read_document(request)
    await log.freeze(_text(document, "reason"))
    note = log.head.note.decode("utf-8")
    return json_response({"frozen": True, "checkpoint": note})


async def _back_up(request: web.Request) -> web.StreamResponse:
    log = log_of(request)
    to = Path(_text(await _read_document(request), "to"))
    if not to.is_absolute():
        raise MalformedRequest("to: an absolute path, the server is elsewhere")

    async def job(progress: Progress) -> Mapping[str, object]:
        await backup(log, to, progress=lambda keys: progress.update(done=keys))
        return {"to": str(to), "size": log.head.size}

    return await _run(request, job)


async def _check(request: web.Request) -> web.StreamResponse:
    log = log_of(request)
    vkeys = (await _read_document(request)).get("vkeys")
    if not isinstance(vkeys, list):
        raise MalformedRequest("vkeys is missing, or no list", field="vkeys")
    verifiers = [parse_vkey(str(vkey)) for vkey in vkeys]

    async def job(progress: Progress) -> Mapping[str, object]:
        def note(done: int, total: int) -> None:
            progress.update(done=done, total=total)

        source = StoreSource(log.store, log.origin)
        try:
            report = await fsck(source, verifiers, origin=log.origin, progress=note)
        except VerificationError as error:
            return {"invalid": f"the checkpoint: {error}"}
        except (Absent, MalformedError) as error:
            return {"unreadable": f"the checkpoint: {error}"}
        return {"report": _describe(report)}

    return await _run(request, job)


def _describe(report: Report) -> Mapping[str, object]:
    return {
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "root_hash": format_base64(report.checkpoint.root_hash),
        "clean": report.clean,
        "faults": [
            {"start": fault.start, "end": fault.end, "what": fault.what}
            for fault in report.faults
        ],
    }


async def _run(request: web.Request, job: Job) -> web.StreamResponse:
    """Run *job*; answer its progress line by line, and its result last.

    A failure within the first moment is answered as any other; a later one is the
    last line, ``{"problem": {...}}``.
    """
    progress: Progress = {}
    task = asyncio.ensure_future(job(progress))
    try:
        await asyncio.wait({task}, timeout=_PROGRESS_INTERVAL)
        if task.done():
            return json_response(task.result())
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        while not task.done():
            await response.write(_line(progress))
            await asyncio.wait({task}, timeout=_PROGRESS_INTERVAL)
        await response.write(_line(_outcome(task)))
        return response
    finally:
        # The client has gone: nobody waits for the rest.
        task.cancel()


def _outcome(task: "asyncio.Future[Mapping[str, object]]") -> Mapping[str, object]:
    try:
        return task.result()
    except MerklelogError as error:
        return {"problem": {"code": error.code, "detail": error.detail}}


def _line(document: Mapping[str, object]) -> bytes:
    return encode_json(document) + b"\n"


async def _read_document(request: web.Request) -> dict[str, object]:
    try:
        document = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("the body is not JSON") from error
    if not isinstance(document, dict):
        raise MalformedRequest("the body is not a JSON object")
    return document


def _text(document: Mapping[str, object], member: str) -> str:
    value = document.get(member)
    if not isinstance(value, str) or not value:
        raise MalformedRequest(f"{member} is missing, or no text", field=member)
    return value
