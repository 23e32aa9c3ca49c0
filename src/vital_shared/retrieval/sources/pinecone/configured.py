"""The collection in Pinecone that the settings describe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Final

from pydantic import SecretStr

from vital_shared.breaker import Breakers
from vital_shared.errors import ConfigurationError
from vital_shared.models.search_use import SearchUnit
from vital_shared.models.workflow_io import MAX_QUERY_CHARACTERS
from vital_shared.retrieval.search_usage import UsageKind
from vital_shared.retrieval.sources.guard import SourceGuard
from vital_shared.retrieval.sources.pinecone.client import SOURCE_NAME, PineconeClient
from vital_shared.retrieval.sources.pinecone.collection import PineconeCollection
from vital_shared.retrieval.sources.pinecone.hosted import (
    HOSTED_MODELS_URL,
    HostedEmbedder,
    HostedReranker,
)
from vital_shared.retrieval.sources.pinecone.search import PineconeSearch, QueryEmbedder
from vital_shared.retrieval.tunings import Tunings
from vital_shared.settings import Settings

__all__ = ["KEY_VARIABLE", "pinecone_collection"]

KEY_VARIABLE: Final = "PINECONE_API_KEY"

SEARCH_QUERIES: Final = 4
"""Queries of one search: two namespaces, and both again after another index was activated."""

SEARCH_EMBEDDINGS: Final = 2
"""The same, of hosted embeddings."""


def pinecone_collection(
    settings: Settings,
    embedders: Mapping[str, QueryEmbedder],
    breakers: Breakers,
    environ: Mapping[str, str],
    *,
    tunings: Tunings | None = None,
    hosted_models_url: str = HOSTED_MODELS_URL,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> PineconeCollection:
    """Make the collection; nothing is asked of Pinecone yet.

    :param environ: has the key.
    :param tunings: None: all tenants' documents are searched by the shipped tuning.
    :param sleep: waits between attempts, and between looks for what was written.
    :raises ConfigurationError: when the key is missing or the address cannot be used.
    """
    key = _key(environ.get(KEY_VARIABLE, "").strip())
    index = PineconeClient(settings.pinecone_host, key, sleep=sleep)
    models = PineconeClient(hosted_models_url, key, sleep=sleep)
    reads = UsageKind(
        SOURCE_NAME,
        SOURCE_NAME,
        "read_unit",
        settings.pinecone_read_dollars_per_million / 1_000_000,
        SEARCH_QUERIES * settings.pinecone_max_read_units,
    )
    hosted = _hosted_embedder(settings, models)
    reranker = _hosted_reranker(settings, models)
    kinds = (reads, *(each.kind for each in (hosted, reranker) if each is not None))
    return PineconeCollection(
        (index, models),
        PineconeSearch(index, reads, reranker),
        SourceGuard(SOURCE_NAME, breakers),
        embedders=embedders,
        usage_kinds=kinds,
        hosted=hosted,
        tunings=tunings,
        sleep=sleep,
    )


def _key(value: str) -> SecretStr:
    if not value:
        raise ConfigurationError(f"VITAL_PINECONE_HOST is set, and {KEY_VARIABLE} is not: set it too.")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(f"{KEY_VARIABLE} has characters that no key has: copy it from the console.")
    return SecretStr(value)


def _hosted_embedder(settings: Settings, models: PineconeClient) -> HostedEmbedder | None:
    if not settings.pinecone_embedder:
        return None
    price = settings.pinecone_embedding_dollars_per_million / 1_000_000
    return HostedEmbedder(
        models,
        settings.pinecone_embedder,
        _kind(
            settings.pinecone_embedder,
            "embedding_token",
            price,
            SEARCH_EMBEDDINGS * MAX_QUERY_CHARACTERS,
        ),
    )


def _hosted_reranker(settings: Settings, models: PineconeClient) -> HostedReranker | None:
    if not settings.pinecone_reranker:
        return None
    price = settings.pinecone_rerank_dollars_per_thousand / 1_000
    return HostedReranker(
        models, settings.pinecone_reranker, _kind(settings.pinecone_reranker, "rerank_unit", price, 2)
    )


def _kind(model: str, unit: SearchUnit, dollars: Decimal, max_units: int) -> UsageKind:
    return UsageKind(SOURCE_NAME, f"{SOURCE_NAME}:{model}", unit, dollars, max_units)
