"""A batch under the user's eyes."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vital_cli.batch.results import BatchSummary
from vital_cli.batch.run import Batch
from vital_cli.session import Session
from vital_cli.terminal import ERR, say
from vital_cli.views.words import counted

__all__ = ["run_with_progress", "show_summary"]


def run_with_progress(session: Session, batch: Batch) -> None:
    """Run a batch with a progress bar; after Ctrl-C the next start goes on."""
    columns = (TextColumn("Answering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        bar = progress.add_task("", total=len(batch.lines), completed=batch.done)
        try:
            session.run(batch.run(lambda: progress.update(bar, completed=batch.done)))
        except KeyboardInterrupt:
            progress.stop()
            say(f"Stopped after {counted(batch.done, 'line')}: the same command goes on.", "yellow")
            raise


def show_summary(summary: BatchSummary, path: Path) -> None:
    """Say how the batch stands."""
    said = f"{summary.completed} answered"
    said += f", {summary.waiting} waiting for approval" if summary.waiting else ""
    said += f", {summary.failed} without an answer" if summary.failed else ""
    say(
        f"{counted(summary.lines, 'line')}: {said}. The answers are in {path}.",
        "red" if summary.failed else "green",
    )
