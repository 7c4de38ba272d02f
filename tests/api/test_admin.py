"""The admin socket's application: what the command line needs of a held log."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from merklelog.api import admin
from merklelog.api.admin import make_admin_app
from merklelog.storage.interface import Batch
from merklelog.storage.keyspace import tile_key
from merklelog.tlog.keys import LogKeys
from merklelog.tlog.log import Log

Client = TestClient[aiohttp.web.Request, aiohttp.web.Application]


@pytest.fixture
async def client(log: Log) -> AsyncIterator[Client]:
    """Return a client of the administration of one log."""
    async with TestClient(TestServer(make_admin_app({"main": log}))) as client:
        yield client


async def post(client: Client, path: str, document: object) -> list[dict[str, object]]:
    """Post *document*; return the lines of the answer."""
    async with client.post(f"/logs/main/{path}", json=document) as response:
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_the_logs(client: Client) -> None:
    """The same list as in public."""
    async with client.get("/logs") as response:
        assert [log["name"] for log in (await response.json())["logs"]] == ["main"]


async def test_the_figures_of_a_log(client: Client, log: Log) -> None:
    """Sizes, state and bytes on disk."""
    await log.add([b"entry"])
    async with client.get("/logs/main/stats") as response:
        figures = await response.json()
    assert (figures["size"], figures["state"]) == (1, "serving")


async def test_freezing(client: Client, log: Log) -> None:
    """The log is read-only when the answer comes."""
    (answer,) = await post(client, "freeze", {"reason": "moved"})
    assert answer == {"frozen": True, "checkpoint": log.head.note.decode()}
    assert log.read_only == "moved"


async def test_a_backup_of_a_log_that_is_served(
    client: Client, log: Log, tmp_path: Path
) -> None:
    """The snapshot is where it was asked for."""
    await log.add([b"%d" % i for i in range(1000)])
    to = tmp_path / "backup"
    *_, last = await post(client, "backup", {"to": str(to)})
    assert last == {"to": str(to), "size": 1000}
    assert (to / "store").is_dir()


async def test_a_backup_onto_something(client: Client, tmp_path: Path) -> None:
    """Nothing is overwritten."""
    (answer,) = await post(client, "backup", {"to": str(tmp_path)})
    assert "exists" in str(answer["detail"])


async def test_checking_a_clean_log(client: Client, log: Log) -> None:
    """The report names the checkpoint that it is about."""
    await log.add([b"%d" % i for i in range(300)])
    *_, last = await post(client, "fsck", {"vkeys": log.keys.vkeys})
    report = last["report"]
    assert isinstance(report, dict)
    assert (report["size"], report["clean"], report["faults"]) == (300, True, [])


async def test_checking_a_damaged_log(client: Client, log: Log) -> None:
    """Every fault is named."""
    await log.add([b"%d" % i for i in range(300)])
    batch = Batch()
    batch.put(tile_key(0, 0), bytes(8192))
    await log.store.commit(batch)
    *_, last = await post(client, "fsck", {"vkeys": log.keys.vkeys})
    report = last["report"]
    assert isinstance(report, dict)
    assert not report["clean"]
    assert report["faults"]


async def test_checking_with_the_key_of_another_log(
    client: Client, tmp_path: Path
) -> None:
    """What the log signed does not verify under it."""
    keys = LogKeys.generate(tmp_path / "other", "example.com/audit")
    (answer,) = await post(client, "fsck", {"vkeys": keys.vkeys})
    assert "no known key" in str(answer["invalid"])


async def test_long_work_shows_progress(
    client: Client, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines now and then, the result last."""
    monkeypatch.setattr(admin, "_PROGRESS_INTERVAL", 0.001)
    await log.add([b"%d" % i for i in range(20_000)])
    *lines, last = await post(client, "fsck", {"vkeys": log.keys.vkeys})
    assert "report" in last
    done = [int(str(line["done"])) for line in lines if "done" in line]
    assert done
    assert done == sorted(done)


async def test_a_late_failure_is_the_last_line(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status has been sent: the line says what went wrong."""
    monkeypatch.setattr(admin, "_PROGRESS_INTERVAL", 0.0)
    *_, last = await post(client, "backup", {"to": "/proc/no/such/place"})
    problem = last["problem"]
    assert isinstance(problem, dict)
    assert problem["code"] == "config_error"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("freeze", {}),
        ("freeze", {"reason": ""}),
        ("freeze", {"reason": 1}),
        ("freeze", []),
        ("backup", {"to": "relative"}),
        ("fsck", {}),
        ("fsck", {"vkeys": "text"}),
        ("fsck", {"vkeys": ["no vkey"]}),
        ("fsck", {"vkeys": [None]}),
    ],
)
async def test_a_malformed_order(
    client: Client, log: Log, path: str, document: object
) -> None:
    """Refused as in public; nothing happens."""
    (answer,) = await post(client, path, document)
    assert answer["code"] == "malformed_request"
    assert log.state == "serving"


async def test_an_order_that_is_not_json(client: Client) -> None:
    """Refused."""
    async with client.post("/logs/main/freeze", data=b"{") as response:
        assert (await response.json())["code"] == "malformed_request"


async def test_an_unknown_log(client: Client) -> None:
    """404, as in public."""
    async with client.get("/logs/other/stats") as response:
        assert (await response.json())["code"] == "not_found"
