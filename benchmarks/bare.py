"""The baseline of every request: an aiohttp `Application` that does nothing.

It reads the body and answers a constant. What it reaches is what aiohttp and uvloop
allow any handler on this machine.
"""

import asyncio
import json
import signal

import uvloop
from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    """Read the body, and answer a constant."""
    await request.read()
    return web.Response(body=b"ok")


async def serve() -> None:
    """Serve on a free port, print its URL as ``merklelog serve --json`` does."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    _, port = runner.addresses[0][:2]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(json.dumps({"urls": [f"http://127.0.0.1:{port}"]}), flush=True)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve())
