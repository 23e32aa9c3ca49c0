"""Attempts that are made again are counted, by the model and by why the one before had failed."""

import pytest
from tests.llm.wires.conftest import collect, text
from tests.llm.wires.servers import base, openai

from vital_shared.llm.base import ModelUnavailable
from vital_shared.monitoring.metrics import MODEL
from vital_shared.testing import counted

RETRIES = "vital_llm_retries_total"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(openai.error(500), "server"), (openai.error(429), "rate_limit"), (openai.error(503), "overload")],
)
async def test_a_retry_is_counted_by_why_the_attempt_before_had_failed(connect, failure, kind):
    MODEL.earn("openai:test")
    async with base.serve(failure, openai.stream(openai.TEXT)) as server:
        with counted() as growth:
            assert text(await collect(connect(server, attempts=3)))
    assert growth(RETRIES, model="openai:test", kind=kind) == growth(RETRIES) == 1
    assert growth("vital_llm_failures_total", kind=kind) == 1, "it has healed, and was a failure all the same"


async def test_the_last_attempt_is_no_retry_and_an_answer_at_once_neither(connect):
    async with base.serve(openai.error(500)) as server:
        with counted() as growth, pytest.raises(ModelUnavailable):
            await collect(connect(server, attempts=3))
    assert growth(RETRIES) == 2
    async with base.serve(openai.stream(openai.TEXT)) as server:
        with counted() as growth:
            await collect(connect(server, attempts=3))
    assert growth(RETRIES) == 0
