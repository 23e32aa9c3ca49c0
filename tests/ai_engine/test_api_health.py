"""Alive, and ready."""

import pytest
from tests.ai_engine.harness import Service

from vital_shared.errors import StoreError


async def test_alive(service: Service) -> None:
    assert (await service.client.get("/healthz")).json() == {"status": "alive", "missing": []}


async def test_ready_though_the_embedded_models_are_missing(service: Service) -> None:
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert "vital models install" in response.json()["missing"][0]


async def test_not_ready_without_a_store_but_alive(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(_: object) -> None:
        raise StoreError("The database is down.")

    monkeypatch.setattr(type(service.services.database), "ping", down)
    response = await service.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not_ready")
    assert response.json()["missing"][0] == "The database is down."
    assert (await service.client.get("/healthz")).status_code == 200


async def test_not_ready_while_it_stops(service: Service) -> None:
    service.engine.hub.stop()
    assert (await service.client.get("/readyz")).status_code == 503
