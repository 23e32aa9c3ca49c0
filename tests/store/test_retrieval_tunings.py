"""Tunings of retrieval are kept by tenant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vital_shared.models.retrieval_tuning import RetrievalTuning, StoredTuning, TunedModels
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.cache_epochs import CacheEpochs
from vital_shared.store.retrieval_tunings import RetrievalTuningStore


@pytest.fixture
def store(database):
    return RetrievalTuningStore(database)


def stored(name):
    return StoredTuning(
        tuning=RetrievalTuning(name=name, keyword_weight=0.6, source_weight=3.0, answer_from=0.4),
        models=TunedModels(embedder="bge", reranker="ms-marco", calibration="quotes-en-2"),
        tuned_at=datetime(2026, 11, 26, 12, tzinfo=UTC),
        questions=40,
    )


async def test_a_tenants_own_tuning_goes_before_that_of_all(store):
    assert await store.find("acme") is None
    await store.put(None, stored("all"))
    await store.put("acme", stored("acme"))
    assert await store.find("acme") == stored("acme")
    assert await store.find("globex") == stored("all")
    assert await store.find(None) == stored("all")
    assert await store.all() == {"": stored("all"), "acme": stored("acme")}


async def test_another_tuning_takes_its_place_and_a_removed_one_is_gone(store, other):
    await store.put("acme", stored("first"))
    await store.put("acme", stored("second"))
    assert await RetrievalTuningStore(other).find("acme") == stored("second")
    assert await store.remove("acme")
    assert not await store.remove("acme")
    assert await store.find("acme") is None


async def test_answers_from_before_a_tuning_are_not_given_again(store, database):
    epochs = CacheEpochs(database)

    async def epoch(tenant):
        epochs.forget()
        return (await epochs.current(tenant, WorkflowMode.MODE_2, "generalist")).epoch

    before = await epoch("acme"), await epoch("globex")
    await store.put("acme", stored("acme"))
    assert (await epoch("acme"), await epoch("globex")) == (before[0] + 1, before[1])
    await store.put(None, stored("all"))
    assert (await epoch("acme"), await epoch("globex")) == (before[0] + 2, before[1] + 1)
