"""Fixtures with the real models, installed once into the data directory and kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.pinned_models import BGE_SMALL, MS_MARCO, SMOLLM2
from vital_shared.retrieval.rerank import Reranker
from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings


@pytest.fixture(scope="session")
def model_folders() -> dict[str, Path]:
    return install(Settings().models_path)


@pytest.fixture(scope="session")
def bge(model_folders: dict[str, Path]) -> Embedder:
    return Embedder(model_folders[BGE_SMALL.name])


@pytest.fixture(scope="session")
def reranker(model_folders: dict[str, Path]) -> Reranker:
    return Reranker(model_folders[MS_MARCO.name])


@pytest.fixture(scope="session")
def smollm2() -> Path:
    return install(Settings().models_path, [SMOLLM2])[SMOLLM2.name] / "model.gguf"
