"""Follow the changes of folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from vital_cli.session import Session
from vital_cli.sync_progress import follow_documents
from vital_cli.terminal import say
from vital_cli.views.words import counted
from vital_shared.retrieval.ingest import Ingestor, IngestResult, Limits

__all__ = ["follow"]

LOOK_EVERY_MS: Final = 500


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
    is_first = True  # what changed before the watch began is found by looking once
    async for changes in awatch(*paths, yield_on_timeout=True, rust_timeout=LOOK_EVERY_MS):
        if changes or is_first:
            changed = paths if is_first else _touched(paths, changes)
            is_first = False
            async for result in ingestor.ingest_paths(changed, tenant_id=tenant_id, prune=prune):
                _show(result)
            await follow_documents(services)


def _touched(paths: Sequence[Path], changes: Iterable[tuple[Change, str]]) -> Sequence[Path]:
    """Return the folders and files that were named and have changes; all where none can be recognised."""
    changed = [Path(path) for _, path in changes]
    touched = [path for path in paths if any(each.is_relative_to(path.resolve()) for each in changed)]
    return touched or paths


def _show(result: IngestResult) -> None:
    if result.status not in {"unchanged", "duplicate"}:
        note = result.message or f"({counted(result.chunks, 'passage')})"
        say(f"{result.status} {result.uri} {note}", "red" if result.status == "failed" else "green")
