"""Questions that ask the same in other words, for agents that allow it."""

import numpy as np
import pytest

from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.testing import CannedModel, CannedSource, counted, passage, question, workflow_services

ASKED = "How long is the review?"
AGAIN = "Could you tell me how long the review is?"
NEAR_MISS = "How long is the review not?"


class Embedder:
    """All texts lie at one place: the words alone decide."""

    error: Exception | None = None

    async def embed_passages(self, texts):
        if self.error is not None:
            raise self.error
        return np.tile(np.array([1, 0], np.float32), (len(texts), 1))

    async def embed_query(self, text):
        return (await self.embed_passages([text]))[0]


@pytest.fixture
async def services(tmp_path):
    source, model = CannedSource([passage("The review takes 90 days.")]), CannedModel("It takes 90 days [1].")
    async with workflow_services(tmp_path, models=[model], sources=[source], cache_entries=10) as services:
        object.__setattr__(services, "phrase_embedder", Embedder())
        agent = await services.agents.get("generalist", tenant_id="acme")
        for name, allows in (("near", True), ("exact", False)):
            profile = agent.model_copy(update={"id": name, "similar_questions": allows, "model": "canned"})
            await services.agents.save(profile, tenant_id=None)
        yield services


async def status(services, query, **fields):
    chosen = {"agent_id": "near", "mode": "2", "enable_tools": False} | fields
    return (await BaseWorkflow(services).execute_typed(question(query, **chosen))).cache_status


async def test_the_same_in_other_words_is_a_hit(services):
    assert await status(services, ASKED) == "miss"
    with counted() as growth:
        assert await status(services, AGAIN) == "hit"
    assert growth("vital_cache_operations_total", tier="semantic", operation="hit") == 1
    assert growth("vital_llm_calls_total", cached="true") == 1


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (NEAR_MISS, {}),
        (AGAIN, {"tenant_id": "globex"}),
        (AGAIN, {"mode": "1"}),
        (AGAIN, {"agent_id": "exact"}),
        (AGAIN, {"enable_rag": False}),
    ],
)
async def test_what_differs_in_anything_else_is_a_miss(services, query, fields):
    await status(services, ASKED)
    await status(services, ASKED, agent_id="exact")
    assert await status(services, query, **fields) == "miss"


async def test_what_was_thrown_away_is_not_found(services):
    await status(services, ASKED)
    await services.epochs.advance(tenant_id="acme")
    assert await status(services, AGAIN) == "miss"


async def test_a_model_that_fails_does_no_harm(services):
    await status(services, ASKED)
    services.phrase_embedder.error = ConfigurationError("It is broken.")
    with counted() as growth:
        assert await status(services, AGAIN, enable_rag=False) == "miss"
    assert growth("vital_cache_operations_total", tier="semantic", operation="bypass") == 1
