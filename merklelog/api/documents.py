"""JSON answers: UTF-8, one line, no spaces."""

import json
from collections.abc import Mapping

from aiohttp import hdrs, web

JSON = "application/json"


def encode_json(document: object) -> bytes:
    """Return *document* as it is sent."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def json_response(
    document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer that holds *document*."""
    return web.Response(
        status=status,
        body=encode_json(document),
        headers={hdrs.CONTENT_TYPE: JSON, **(headers or {})},
    )
