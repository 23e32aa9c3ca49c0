"""The sources of an engine, as rows of a table."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_cli.views.words import counted
from vital_shared.errors import VitalError
from vital_shared.models.base import Frozen
from vital_shared.retrieval.collection import Collection
from vital_shared.retrieval.sources.configured import VARIABLES
from vital_shared.store.source_documents import SourceDocuments
from vital_shared.workflows.services import Services

__all__ = ["SourceRow", "source_rows"]

ANSWER_SECONDS: Final = 10.0
"""Time that a source has to say what it holds."""


class SourceRow(Frozen):
    """The state of a source."""

    source: str
    configured: bool
    healthy: bool
    passages: int = 0
    embedder: str = ""
    dimension: int = 0
    version: str = ""
    """Changes with what the source holds."""
    behind: int = 0
    """Documents that it lacks, has in another version, or should not have."""
    note: str = ""


async def source_rows(services: Services) -> list[SourceRow]:
    """Ask all sources at the same time."""
    missing = sorted(VARIABLES.keys() - {collection.name for collection in services.collections})
    return [
        await _memory(services),
        *await asyncio.gather(*(_collection(services, each) for each in services.collections)),
        *(_unconfigured(name) for name in missing),
    ]


def _unconfigured(name: str) -> SourceRow:
    return SourceRow(source=name, configured=False, healthy=False, note=f"set {VARIABLES[name]}")


async def _memory(services: Services) -> SourceRow:
    embedder = None if services.embedder is None else await services.embedder.current()
    note = "the record of all documents" if embedder else "words alone: run `vital models install`"
    return SourceRow(
        source="memory",
        configured=True,
        healthy=True,
        passages=await services.knowledge.passage_count(),
        embedder="" if embedder is None else embedder.name,
        dimension=0 if embedder is None else embedder.dimension,
        version=str(await services.knowledge.version()),
        note="; ".join((note, *await _partly_read(services), *await _tunings(services))),
    )


async def _partly_read(services: Services) -> list[str]:
    partly = await services.knowledge.partly_read_count()
    return [f"{counted(partly, 'document')} read in part: see `vital documents list`"] if partly else []


async def _tunings(services: Services) -> list[str]:
    """Describe the tunings, and which of them are void."""
    tunings = services.tunings
    return [
        f"{stored.tuning.name} tuned by {stored.questions} questions"
        + ("" if await tunings.applies(stored) else ", void: the models are others by now")
        for stored in (await tunings.store.all()).values()
    ]


async def _collection(services: Services, collection: Collection) -> SourceRow:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            indexes = await collection.indexes()
    except TimeoutError:
        note = f"did not answer within {ANSWER_SECONDS:g} seconds"
        return SourceRow(source=collection.name, configured=True, healthy=False, note=note)
    except VitalError as error:
        return SourceRow(source=collection.name, configured=True, healthy=False, note=error.for_operators)
    active = next((index for index in indexes if index.is_active), None)
    notes = [
        f"filling an index for {index.embedder}: {index.passages:,} passages"
        for index in indexes
        if not index.is_active
    ]
    if active is None:
        notes.append(f"not filled yet: run `vital sources sync {collection.name}`")
        return SourceRow(source=collection.name, configured=True, healthy=True, note="; ".join(notes))
    if not active.is_current:
        notes.append(f"made by an earlier version: run `vital sources sync {collection.name}`")
    return SourceRow(
        source=collection.name,
        configured=True,
        healthy=True,
        passages=active.passages,
        embedder=active.embedder,
        dimension=active.dimension,
        version=active.id[:8],
        behind=await SourceDocuments(services.database, collection.name).behind(active.id),
        note="; ".join(notes),
    )
