"""The administration of a running server, over ``DIR/admin.sock``.

The socket has mode 0600: whoever can open it is who owns the data folder.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from .errors import BadAnswer, ServerProblem
from .http import LogClient


class AdminClient:
    """A server's admin socket. Methods raise as those of LogClient do."""

    def __init__(self, socket: Path) -> None:
        """Name the socket; each call makes its own connection."""
        self._socket = str(socket)

    async def logs(self) -> list[object]:
        """Return what stands on the server, one object for each log."""
        async with self._client() as client:
            listed = (await client.get_json("/logs")).get("logs")
        if not isinstance(listed, list):
            raise BadAnswer("the server's list of logs is not a list")
        return listed

    async def stats(self, name: str) -> dict[str, object]:
        """Return the figures of one log."""
        async with self._client() as client:
            return await client.get_json(f"/logs/{name}/stats")

    async def freeze(self, name: str, *, reason: str) -> dict[str, object]:
        """Make a log read-only for good; return its last checkpoint."""
        return await self._last(f"/logs/{name}/freeze", {"reason": reason})

    async def backup(self, name: str, *, to: Path) -> AsyncIterator[dict[str, object]]:
        """Copy a snapshot of a log to the new folder *to*; yield progress."""
        async for line in self._lines(f"/logs/{name}/backup", {"to": str(to)}):
            yield line

    async def fsck(
        self, name: str, *, vkeys: list[str]
    ) -> AsyncIterator[dict[str, object]]:
        """Check a log's store inside the server; yield progress, the report last."""
        async for line in self._lines(f"/logs/{name}/fsck", {"vkeys": vkeys}):
            yield line

    async def _last(self, path: str, document: dict[str, object]) -> dict[str, object]:
        last: dict[str, object] = {}
        async for line in self._lines(path, document):
            last = line
        return last

    async def _lines(
        self, path: str, document: dict[str, object]
    ) -> AsyncIterator[dict[str, object]]:
        async with self._client() as client:
            async for line in client.post_json(path, document):
                # What fails after the answer has begun cannot have a status.
                if isinstance(problem := line.get("problem"), dict):
                    raise ServerProblem(
                        status=500,
                        code=str(problem.get("code")),
                        detail=str(problem.get("detail")),
                        retry_after=None,
                    )
                yield line

    def _client(self) -> LogClient:
        return LogClient("http://admin.sock", socket=self._socket)
