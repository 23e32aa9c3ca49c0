"""Synchronise the sources in other systems with the documents."""

from __future__ import annotations

from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.retrieval.base import Source
from vital_shared.retrieval.collection import Collection
from vital_shared.retrieval.sources.configured import VARIABLES
from vital_shared.retrieval.sources.sync import CollectionSync, OnSync, SyncResult
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.store.source_leases import SourceLease
from vital_shared.workflows.services import Services

__all__ = ["collection_named", "filled_collections", "source_named", "sync_collection"]


def source_named(services: Services, name: str) -> Source:
    """Return a source of the engine.

    :raises InvalidRequest: when there is none of this name.
    """
    for source in services.sources:
        if source.name == name:
            return source
    return collection_named(services, name)


def collection_named(services: Services, name: str) -> Collection:
    """Return a configured collection.

    :raises InvalidRequest: when there is none of this name.
    """
    for collection in services.collections:
        if collection.name == name:
            return collection
    if name in VARIABLES:
        raise InvalidRequest(f"The source {name} is not configured: set {VARIABLES[name]}.", field="source")
    raise InvalidRequest(
        f"There is no source {name} that can be written to: choose {' or '.join(VARIABLES)}.", field="source"
    )


async def filled_collections(services: Services) -> tuple[Collection, ...]:
    """Return the collections that were filled before, and so follow the documents from then on."""
    filled = [
        collection
        for collection in services.collections
        if await SourceDocuments(services.database, collection.name).holds_any()
    ]
    return tuple(filled)


async def sync_collection(
    services: Services,
    collection: Collection,
    on_sync: OnSync = lambda *_: None,
    *,
    may_switch: bool = True,
) -> SyncResult:
    """Bring a collection up to date, after any other process that is at it.

    :param may_switch: whether to fill another index where the embedding model is another one than before.
    :raises SourceError: when the source does not answer or refuses; what was written stays.
    :raises ConfigurationError: when no embedding model is installed.
    :raises Conflict: when this process stood still until another has taken over.
    """
    if services.embedder is None:
        raise ConfigurationError(
            f"The source {collection.name} needs the embedded models: run `vital models install`."
        )
    embedder = await services.embedder.current()
    ledger = SourceDocuments(services.database, collection.name)
    lease = SourceLease(services.database, collection.name, services.now)
    sync = CollectionSync(ledger, collection, embedder, on_sync)
    result = await lease.run(lambda: sync.run(may_switch=may_switch))
    services.epochs.forget()
    return result
