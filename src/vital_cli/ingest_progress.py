"""Ingest files under the user's eyes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vital_cli.session import Session
from vital_cli.terminal import ERR, say, show_table
from vital_cli.views.words import counted
from vital_shared.retrieval.ingest import Ingestor, IngestResult, Limits
from vital_shared.retrieval.ingest.files import left_out

__all__ = ["ingest_paths", "show_left_out", "show_results"]

SHOWN_NAMES: Final = 10
"""Files that are named one by one."""


def ingest_paths(
    session: Session, paths: Sequence[Path], tenant_id: str | None, *, prune: bool
) -> list[IngestResult]:
    """Ingest with a progress bar; what is done when Ctrl-C comes stays."""
    results: list[IngestResult] = []
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        bar = progress.add_task("", total=None)

        def advance(done: float, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        async def work() -> None:
            services = session.services
            ingestor = Ingestor(
                services.knowledge,
                services.embedder,
                limits=Limits.of(services.settings),
                uses_all_cores=True,
            )
            async for result in ingestor.ingest_paths(
                paths, tenant_id=tenant_id, prune=prune, on_progress=advance
            ):
                results.append(result)  # noqa: PERF401 - one by one: Ctrl-C leaves those that are done
            await services.memory.catch_up()

        try:
            session.run(work())
        except KeyboardInterrupt:
            progress.stop()
            say(f"Stopped after {counted(len(results), 'file')}, which stay.", "yellow")
            raise
    return results


def show_left_out(paths: Sequence[Path]) -> None:
    """Name the files in folders that are of no kind that can be read."""
    names = left_out(paths)
    if names:
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        shown = ", ".join(names[:SHOWN_NAMES])
        say(f"Left out {counted(len(names), 'file')} of other kinds or outside: {shown}{more}.", "yellow")


def show_results(results: Sequence[IngestResult]) -> None:
    """Print what became of each file, and how many of each kind there are."""
    show_table(
        [
            {
                "status": result.status,
                "passages": result.chunks,
                "file": result.uri,
                "note": result.message or result.title,
            }
            for result in results
        ]
    )
    numbers = Counter(result.status for result in results)
    said = ", ".join(f"{number} {status}" for status, number in numbers.items())
    stored = {"added", "updated", "unchanged"}
    partly = sum(bool(result.message) for result in results if result.status in stored)
    said += f" ({partly} not read as a whole, see the notes)" if partly else ""
    say(f"{counted(len(results), 'file')}: {said}.", "red" if numbers["failed"] else "green")
