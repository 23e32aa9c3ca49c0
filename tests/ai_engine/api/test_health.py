"""Alive, and ready."""

import asyncio
import errno
import os
from pathlib import Path

import pytest
from tests.ai_engine.harness import Service
from tests.store_database import halted_store


async def test_alive(service: Service) -> None:
    assert (await service.client.get("/healthz")).json() == {"status": "alive", "missing": []}


async def test_ready_though_the_embedded_models_are_missing(service: Service) -> None:
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert "vital models install" in response.json()["missing"][0]


async def missing(service: Service) -> str:
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not_ready")
    assert (await service.client.get("/healthz")).status_code == 200
    return " ".join(response.json()["missing"])


async def test_not_ready_while_the_database_stands_still_and_ready_again_afterwards(
    service: Service, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with halted_store(tmp_path, request):
        found = await asyncio.gather(*(missing(service) for _ in range(20)))
    assert "the database did not answer within 2 seconds" in found[0]
    while (await service.client.get("/readyz")).status_code != 200:  # the check under way ends first
        pass


@pytest.mark.sqlite
async def test_not_ready_when_the_database_is_broken(service: Service, tmp_path: Path) -> None:
    (tmp_path / "vital.db").write_bytes(b"not a database" * 1_000)
    while "locked" in (found := await missing(service)):  # by a writer that had begun
        pass
    assert "malformed" in found or "not a database" in found


@pytest.mark.sqlite
async def test_not_ready_when_the_file_was_deleted(service: Service, tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        await asyncio.to_thread(os.remove, tmp_path / f"vital.db{suffix}")
    assert "unable to open" in await missing(service)


async def test_not_ready_when_the_disk_is_full(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ai_engine.readiness.os.fsync", full)
    assert "No space left on device" in await missing(service)


async def test_not_ready_while_it_stops(service: Service) -> None:
    service.engine.hub.stop()
    assert (await service.client.get("/readyz")).status_code == 503


async def test_a_model_that_did_not_answer_is_a_detail_with_its_cause(service: Service) -> None:
    service.services.breakers.note("openai:gpt-4.1-mini", "the provider refuses its key or account (401)")
    response = await service.client.get("/readyz")
    assert response.status_code == 200
    assert any(
        "openai:gpt-4.1-mini did not answer: the provider refuses its key" in each
        for each in response.json()["missing"]
    )
