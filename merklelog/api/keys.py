"""The public keys of a log, in every form that a verifier may ask for."""

from aiohttp import web

from merklelog.tlog.keydocuments import key_document

from .documents import json_response
from .parameters import read_parameters
from .state import log_of


async def get_keys(request: web.Request) -> web.Response:
    """Answer ``GET /logs/{log}/keys``.

    A convenience: a key fetched from the server that it is to check proves nothing.
    Verifiers take the vkey from elsewhere and may compare.
    """
    log = log_of(request)
    read_parameters(request, ())
    documents = [key_document(verifier) for verifier in log.keys.verifiers]
    return json_response({"origin": log.origin, "keys": documents})
