"""Three replicas for all tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.replicas.replicas import Replicas, running_replicas

from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replicas(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replicas]:
    models = Settings().models_path
    install(models)
    async with running_replicas(tmp_path_factory.mktemp("replicas"), models) as running:
        yield running
