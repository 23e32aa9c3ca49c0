"""Follow the changes of folders."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vital_cli.session import Session
from vital_cli.sync_progress import follow_documents
from vital_cli.terminal import say
from vital_cli.views.words import counted
from vital_cli.watched_paths import changed_paths
from vital_shared.errors import StoreError
from vital_shared.retrieval.ingest import Ingestor, IngestResult, Limits

__all__ = ["follow"]

RETRY_SECONDS: Final = 2.0
"""Time after which changes are stored again that a store did not take."""


def follow(session: Session, paths: Sequence[Path], tenant_id: str | None, *, prune: bool) -> None:
    """Ingest what changes, and print what became of it, until Ctrl-C."""
    say(f"Watching {', '.join(map(str, paths))}; press Ctrl-C to stop.", "green")
    try:
        session.run(_follow(session, paths, tenant_id, prune=prune))
    except KeyboardInterrupt:
        say("Stopped; what was read stays.", "yellow")


async def _follow(session: Session, paths: Sequence[Path], tenant_id: str | None, *, prune: bool) -> None:
    services = session.services
    ingestor = Ingestor(
        services.knowledge, services.embedder, limits=Limits.of(services.settings), uses_all_cores=True
    )

    async def store(changed: Sequence[Path]) -> None:
        async for result in ingestor.ingest_paths(changed, tenant_id=tenant_id, prune=prune):
            _show(result)
        await follow_documents(services)

    async for changed in changed_paths(paths):
        while True:
            try:
                await store(changed)
                break
            except StoreError as error:
                say(f"{error.for_operators}. It is tried again.", "yellow")
                await asyncio.sleep(RETRY_SECONDS)


def _show(result: IngestResult) -> None:
    if result.status not in {"unchanged", "duplicate"}:
        note = result.message or f"({counted(result.chunks, 'passage')})"
        say(f"{result.status} {result.uri} {note}", "red" if result.status == "failed" else "green")
