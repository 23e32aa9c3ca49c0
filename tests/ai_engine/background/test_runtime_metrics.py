"""What is looked at from time to time."""

import asyncio

from tests.store_database import ON_POSTGRES

from ai_engine.background import runtime_metrics as sampling
from vital_shared.monitoring.metrics import CONNECTION_POOL_IN_USE, CONNECTION_POOL_SIZE
from vital_shared.testing import counted

DATABASE_CONNECTIONS = 20 if ON_POSTGRES else 16
"""On SQLite 15 that read, and one that writes; Postgres has one pool for both."""


async def until(true):
    while not true():  # noqa: ASYNC110 - the sampler has no event
        await asyncio.sleep(0.001)


async def test_pools_and_the_lag_of_the_loop_are_sampled(serve, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE_INTERVAL_SECONDS", 0.001)
    with counted() as growth:
        service = await serve()
        await until(lambda: growth("vital_event_loop_lag_seconds_count") > 3)
    assert CONNECTION_POOL_SIZE.labels("db").value == DATABASE_CONNECTIONS
    assert CONNECTION_POOL_SIZE.labels("http").value == 16  # PubMed and openFDA
    async with service.services.database.begin():
        await until(lambda: CONNECTION_POOL_IN_USE.labels("db").value == 1)
    await until(lambda: CONNECTION_POOL_IN_USE.labels("db").value == 0)


async def test_the_connections_to_providers_are_those_that_were_opened(serve, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE_INTERVAL_SECONDS", 0.001)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    services = (await serve()).services
    await until(lambda: CONNECTION_POOL_SIZE.labels("llm").value == 0)
    services.models.get("openai:gpt-4o")
    (provider,) = services.models.providers.opened
    provider.in_use = 3  # as while three calls last
    await until(lambda: CONNECTION_POOL_IN_USE.labels("llm").value == 3)
    assert CONNECTION_POOL_SIZE.labels("llm").value == provider.connections
