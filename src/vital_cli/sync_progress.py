"""Bring sources up to date under the user's eyes."""

from __future__ import annotations

from vital_cli.progress import progress_bar
from vital_cli.session import Session
from vital_cli.terminal import say
from vital_cli.views.words import counted
from vital_shared.errors import ConfigurationError, Conflict, SourceError
from vital_shared.retrieval.collection import Collection
from vital_shared.retrieval.document_embedder import Preference
from vital_shared.retrieval.sources.sync import SyncResult
from vital_shared.workflows.reindex import ReindexResult, reindex
from vital_shared.workflows.services import Services
from vital_shared.workflows.source_sync import filled_collections, sync_collection

__all__ = ["follow_documents", "reindex_documents", "show_reindex", "show_sync", "sync_one"]


def sync_one(session: Session, collection: Collection) -> SyncResult:
    """Bring a source up to date with a progress bar; what is written when Ctrl-C comes stays.

    :raises SourceError: when the source does not answer or refuses.
    """
    with progress_bar(f"Writing to {collection.name}") as advance:
        return session.run(sync_collection(session.services, collection, advance))


def reindex_documents(session: Session, embedder: Preference | None) -> ReindexResult:
    """Embed the documents with another model with a progress bar; what is embedded when Ctrl-C comes stays.

    :raises ConfigurationError: when the model is not installed.
    """
    with progress_bar("Embedding the documents") as advance:
        return session.run(reindex(session.services, embedder, advance))


async def follow_documents(services: Services) -> None:
    """Bring the sources up to date that were filled before; one that fails is named, and follows later."""
    for collection in await filled_collections(services):
        try:
            result = await sync_collection(services, collection, may_switch=False)
        except (ConfigurationError, Conflict, SourceError) as error:
            say(f"{error} Later, run `vital sources sync {collection.name}`.", "yellow")
        else:
            if result.written or result.deleted:
                show_sync(collection.name, result)
            if result.needs_switch:
                say(
                    f"{collection.name} was filled with another embedding model: "
                    f"run `vital sources sync {collection.name}`.",
                    "yellow",
                )


def show_sync(name: str, result: SyncResult) -> None:
    """Print the changes of a sync."""
    switched = "; searches are answered from the new index" if result.has_switched else ""
    say(
        f"{name}: {counted(result.written, 'document')} written ({counted(result.passages, 'passage')}), "
        f"{result.deleted:,} deleted{switched}.",
        "green",
    )


def show_reindex(result: ReindexResult) -> None:
    """Say what a re-index has changed."""
    if result.has_switched:
        passages = counted(result.passages, "passage")
        say(f"{passages} embedded; searches use {result.model} from now on.", "green")
    else:
        say(f"The documents are embedded with {result.model} already.")
