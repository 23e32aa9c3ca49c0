"""No tenant ever gets another's answer: equal and near-equal questions, over every tier and single flight."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, suppress

import pytest
from tests.redis import running_redis
from tests.workflows.test_similar_questions import Embedder

from vital_shared import BaseWorkflow
from vital_shared.llm.base import CallStarted, Cited, Stop, TextDelta, Usage
from vital_shared.models.citation import Citation
from vital_shared.models.event import RunFinished, Token
from vital_shared.monitoring.metrics import WORKFLOW_ACTIVE
from vital_shared.testing import CannedSource, counted, passage, question, workflow_services

TENANTS = {f"tenant-{number}": f"The review takes {90 + number} days." for number in range(4)}
WORDINGS = (
    "How long is the review?",
    "how long is  the review",
    "Could you tell me how long the review is?",
    "Please tell me how long is the review",
)


class Recording(CannedSource):
    """Each tenant's documents say something else."""

    async def search(self, query, *, tenant_id, limit):
        return (passage(TENANTS[tenant_id]),)


class Quoting:
    """A model that writes what the first passage says."""

    name = "quoting"
    calls_tools = False

    def __init__(self):
        self.may_answer = asyncio.Event()

    async def stream(self, request):
        found = request.passages[0]
        await self.may_answer.wait()
        yield CallStarted(prompt="quoting@1")
        yield Cited(citation=cite(found))
        for word in (f"{found.text} [1]").split(" "):
            await asyncio.sleep(0)
            yield TextDelta(text=word + " ")
        yield Usage(input_tokens=1, output_tokens=1)
        yield Stop(reason="end")


def cite(found):
    return Citation(
        number=1,
        passage_id=found.id,
        document_id=found.document_id,
        title=found.title,
        uri=found.uri,
        quote=found.text,
        source=found.source,
    )


@pytest.fixture
async def processes(tmp_path):
    """Two processes with one database, one Redis and one model."""
    model = Quoting()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(tmp_path))
        opened = []
        for _ in range(2):
            services = await stack.enter_async_context(
                workflow_services(
                    tmp_path,
                    models=[model],
                    sources=[Recording(())],
                    redis_url=redis.url,
                    cache_entries=100,
                )
            )
            object.__setattr__(services, "phrase_embedder", Embedder())
            opened.append(services)
        agent = await opened[0].agents.get("generalist", tenant_id=None)
        near = agent.model_copy(update={"id": "near", "similar_questions": True, "model": "quoting"})
        await opened[0].agents.save(near, tenant_id=None)
        yield opened, model


async def ask(services, tenant_id, query, mode):
    asked = question(query, tenant_id=tenant_id, mode=mode, agent_id="near", enable_tools=False)
    events = [event async for event in BaseWorkflow(services).execute_stream(asked)]
    assert isinstance(events[-1], RunFinished), events[-1]
    output = events[-1].output
    assert output.tenant_id == tenant_id
    said = "".join(event.text for event in events if isinstance(event, Token))
    for text in (said, output.response):
        assert TENANTS[tenant_id] in text
        assert not any(other in text for name, other in TENANTS.items() if name != tenant_id)
    return output.cache_status


def active():
    """Requests in flight now, read at once: all series of a process of many tests take a while."""
    return sum(each.value for each in WORKFLOW_ACTIVE.series)


async def answer_once_under_way(model, requests):
    """Hold the answers back until all requests run or follow."""
    with suppress(TimeoutError):  # on a busy machine the last ones may come when the first have their answers
        async with asyncio.timeout(10):
            while active() < requests:  # noqa: ASYNC110 - a gauge has no event
                await asyncio.sleep(0.01)
    model.may_answer.set()


async def test_no_tenant_ever_gets_anothers_answer(processes):
    services, model = processes
    mixed = random.Random(6)
    asked = [
        (mixed.choice(services), tenant, wording, mode)
        for tenant in TENANTS
        for wording in WORDINGS
        for mode in ("1", "2")
        for _ in range(4)
    ]
    mixed.shuffle(asked)
    with counted() as growth:
        together = (ask(*each) for each in asked[:32])
        await asyncio.gather(*together, answer_once_under_way(model, active() + 32))
        for part in range(32, len(asked), 32):  # these find what the first have left
            statuses = await asyncio.gather(*(ask(*each) for each in asked[part : part + 32]))
            assert Counter(statuses)["hit"]
    for tier in ("memory", "redis", "semantic"):
        assert growth("vital_cache_operations_total", tier=tier, operation="hit"), tier
    calls = growth("vital_llm_calls_total", cached="false")
    followed = growth("vital_llm_calls_total", cached="true")
    found = sum(
        growth("vital_cache_operations_total", tier=tier, operation="hit")
        for tier in ("memory", "redis", "semantic")
    )
    assert calls + followed == len(asked)
    assert followed > found  # the others followed by single flight
