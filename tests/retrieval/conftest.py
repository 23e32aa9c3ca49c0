"""The real models, a real store, and passages made of text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.retrieval.embedded_models import bge, model_folders, reranker
from tests.store_database import store_url

from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore

__all__ = ["bge", "model_folders", "reranker"]


@pytest.fixture
async def knowledge(tmp_path: Path) -> AsyncIterator[KnowledgeStore]:
    database = Database(store_url(tmp_path / "store"))
    await database.migrate()
    yield KnowledgeStore(database)
    await database.aclose()
