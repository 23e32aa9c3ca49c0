"""The interface of every view of a run."""

from __future__ import annotations

from typing import Protocol, Self

from vital_shared.models.event import Event
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["View"]


class View(Protocol):
    """A view of a run: entered for each stretch of it (a pause ends one), concluded once.

    It writes on the event loop: a slow reader slows down only their own run.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        """Show what happens."""
        ...

    def conclude(self, output: WorkflowOutput) -> None:
        """Show what came of it: an answer, or a run that waits for approval."""
        ...
