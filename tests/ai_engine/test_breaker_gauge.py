"""The gauge of breakers: 1 while a model is left alone, and 0 before and afterwards."""

import asyncio

from tests.ai_engine.harness import Serve

from vital_shared.breaker import BREAKER_FAILURES
from vital_shared.monitoring.metrics import LLM_BREAKER_OPEN, MODEL


async def until_it_is(value: float, model: str = "canned") -> None:
    """Look at what /metrics would show, until it is so."""
    async with asyncio.timeout(30):
        while LLM_BREAKER_OPEN.labels(model).value != value:  # noqa: ASYNC110 - it is set now and then
            await asyncio.sleep(0.01)


async def test_the_gauge_follows_the_breaker_of_a_model(serve: Serve) -> None:
    service = await serve()
    MODEL.earn("canned")
    breakers = service.services.breakers
    await until_it_is(0)
    for _ in range(BREAKER_FAILURES):
        breakers.failed("canned")
    await until_it_is(1)
    metrics = (await service.client.get("/metrics")).text
    assert 'vital_llm_breaker_open{model="canned"} 1.0' in metrics
    breakers.succeeded("canned")
    await until_it_is(0)


async def test_a_model_that_no_metric_names_has_no_breaker_in_the_metrics(serve: Serve) -> None:
    service = await serve()
    for _ in range(BREAKER_FAILURES):
        service.services.breakers.failed("made-up")
        service.services.breakers.failed("canned")
    MODEL.earn("canned")
    await until_it_is(1)
    assert "made-up" not in (await service.client.get("/metrics")).text
