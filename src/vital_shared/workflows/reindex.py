"""Embed the documents of an engine with another model."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.retrieval.document_embedder import MODELS, Preference
from vital_shared.retrieval.index.folder import remove_indexes
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.reindex import OnReindex, Reindex
from vital_shared.store.chunk_embeddings import ChunkEmbeddings
from vital_shared.store.source_leases import SourceLease
from vital_shared.workflows.services import Services

__all__ = ["ReindexResult", "reindex"]


class ReindexResult(NamedTuple):
    """The changes of a re-index."""

    model: str
    """Name of the embedding model that is in use now."""
    passages: int
    """Passages that were embedded."""
    has_switched: bool
    """Whether another model was in use before."""


async def reindex(
    services: Services, wanted: Preference | None, on_reindex: OnReindex = lambda *_: None
) -> ReindexResult:
    """Embed the documents with another model, after any other process that is at it.

    :param wanted: the model; None: by ``VITAL_EMBEDDER``.
    :raises InvalidRequest: when neither names one.
    :raises ConfigurationError: when it is not installed.
    :raises StoreError: when the store does not answer; what was embedded stays.
    :raises Conflict: when this process stood still until another has taken over.
    """
    preference = wanted or services.settings.embedder
    if preference not in MODELS:
        raise InvalidRequest(
            "No embedding model is named: add --embedder english or --embedder multilingual.",
            field="embedder",
        )
    lease = SourceLease(services.database, MemorySource.name, services.now)
    return await lease.run(lambda: _embed_with(services, MODELS[preference], on_reindex))


async def _embed_with(services: Services, model: str, on_reindex: OnReindex) -> ReindexResult:
    if services.embedder is None:
        raise ConfigurationError("No embedding model is installed: run `vital models install`.")
    embeddings = ChunkEmbeddings(services.database, model)
    before = await services.knowledge.embedded_state()
    if before.model == model:
        await embeddings.remove_others()
        return ReindexResult(model, 0, has_switched=False)
    embedder = services.embedder.installed(model)
    passages = await Reindex(embeddings, embedder, on_reindex).run()
    services.epochs.forget()
    await asyncio.to_thread(remove_indexes, services.settings.data_dir / "index", before.lineage)
    return ReindexResult(model, passages, has_switched=True)
