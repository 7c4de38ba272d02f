"""Health, metrics and the list of logs."""

import asyncio

import pytest
from apiserver import Api

from merklelog.tlog.log import Log
from proofs.keys import parse_vkey


async def test_the_logs_that_stand_here(api: Api) -> None:
    """Enough to begin with: name, origin, sizes and the vkey to compare."""
    await api.submit(b"entry")
    (log,) = (await api.get("//logs")).json["logs"]
    assert (log["name"], log["origin"], log["kind"]) == (
        "main",
        "example.com/audit",
        "opaque",
    )
    assert (log["size"], log["state"]) == (1, "serving")
    assert log["vkey"] == api.log.keys.vkeys[0]


async def test_the_keys_in_every_form(api: Api) -> None:
    """vkey, PEM, JWK and COSE key of both keys."""
    answer = (await api.get("/keys")).json
    assert answer["origin"] == "example.com/audit"
    assert [key["vkey"] for key in answer["keys"]] == api.log.keys.vkeys
    assert [parse_vkey(key["vkey"]).name for key in answer["keys"]] == [
        "example.com/audit"
    ] * 2
    assert [key["jwk"]["crv"] for key in answer["keys"]] == ["Ed25519", "P-256"]
    assert all(key["pem"].startswith("-----BEGIN PUBLIC") for key in answer["keys"])


async def test_liveness(api: Api) -> None:
    """The process answers."""
    assert (await api.get("//healthz")).status == 200


async def test_readiness(api: Api) -> None:
    """Every log can be read and, unless frozen, written."""
    answer = await api.get("//readyz")
    assert (answer.status, answer.json["logs"]) == (200, {"main": "serving"})


async def test_a_log_out_of_service_is_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, naming the log; the process lives."""
    monkeypatch.setattr(Log, "state", "recovering")
    answer = await api.get("//readyz")
    assert (answer.status, answer.code) == (503, "storage_failed")
    assert "main" in answer.json["detail"]
    assert (await api.get("//healthz")).status == 200


async def test_a_frozen_log_is_ready(api: Api) -> None:
    """What it can still do, it does."""
    await api.log.freeze("moved")
    answer = await api.get("//readyz")
    assert (answer.status, answer.json["logs"]) == (200, {"main": "read_only"})


async def test_integrity_is_never_a_bare_yes(api: Api) -> None:
    """What was checked, to which size, when, and by whom it is cosigned."""
    answer = (await api.get("//healthz/integrity")).json["logs"]["main"]
    assert set(answer) >= {"checked", "size", "checked_at", "cosigned_by"}


async def test_integrity_is_red_when_a_store_is_out_of_service(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, with the same facts."""
    monkeypatch.setattr(Log, "state", "recovering")
    answer = await api.get("//healthz/integrity")
    assert answer.status == 503
    assert answer.json["logs"]["main"]["state"] == "recovering"


async def test_integrity_is_red_when_the_rollback_guard_falls_behind(api: Api) -> None:
    """A guard that cannot be written protects nothing: the reason is named."""
    guard = api.log.folder.guard
    await asyncio.sleep(0.1)  # It is written when the log is opened.
    guard.unlink()
    guard.mkdir()  # No file can be put there.
    await api.submit(b"entry")
    async with asyncio.timeout(20):
        while (answer := await api.get("//healthz/integrity")).status != 503:
            await asyncio.sleep(0.05)
    assert "cannot write" in answer.json["logs"]["main"]["rollback_guard"]


async def test_metrics(api: Api) -> None:
    """Prometheus' text format; not for pages of other origins."""
    answer = await api.get("//metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE merklelog_request_seconds histogram" in answer.body
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_api_describes_itself(api: Api) -> None:
    """The description that the tests check is the one that is served."""
    assert (await api.get("//openapi.json")).json["openapi"] == "3.1.0"
