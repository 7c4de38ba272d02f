"""A log's public tiles as a source for fsck: the view that every stranger has."""

from collections.abc import Sequence

from merklelog.client.errors import ServerProblem
from merklelog.client.http import LogClient
from merklelog.tlog.fsck import Absent, Fault
from proofs.hashing import HASH_SIZE
from proofs.tiles import TILE_WIDTH, Bundle, Tile, decode_bundle, encode_bundle


class HttpSource:
    """Implements `merklelog.tlog.fsck.Source`.

    A log may have deleted a partial tile once the full one exists (tlog-tiles): the
    beginning of that one does as well.
    """

    def __init__(self, client: LogClient) -> None:
        """Read the log of *client*."""
        self._client = client

    async def checkpoint(self) -> bytes:
        """Return the published checkpoint."""
        return await self._get("checkpoint")

    async def tile(self, tile: Tile) -> bytes:
        """Return a hash tile, at most as wide as asked for."""
        try:
            return await self._get(tile.path)
        except Absent:
            if tile.width == TILE_WIDTH:
                raise
            full = await self._get(Tile(tile.level, tile.index).path)
            return full[: tile.width * HASH_SIZE]

    async def bundle(self, bundle: Bundle) -> bytes:
        """Return an entry bundle, at most as wide as asked for."""
        try:
            return await self._get(bundle.path)
        except Absent:
            if bundle.width == TILE_WIDTH:
                raise
            full = await self._get(Bundle(bundle.index).path)
            return encode_bundle(decode_bundle(full, TILE_WIDTH)[: bundle.width])

    async def index_faults(
        self,
        start: int,  # noqa: ARG002 - the protocol's
        leaf_hashes: Sequence[bytes],  # noqa: ARG002 - the protocol's
    ) -> list[int]:
        """Return nothing: the leaf index is the server's own affair."""
        return []

    async def strays(self, size: int) -> list[Fault]:  # noqa: ARG002 - the protocol's
        """Return nothing: what is not served is not seen."""
        return []

    async def _get(self, path: str) -> bytes:
        try:
            return await self._client.tile(path)
        except ServerProblem as error:
            if error.status == 404:
                raise Absent(f"{self._client.url}/{path} is not there") from error
            raise
