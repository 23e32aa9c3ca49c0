"""A run for programs: its output as JSON, or every event as a line of JSON."""

from __future__ import annotations

from typing import Self

from vital_cli.terminal import write
from vital_shared.models.event import Event
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["EventsView", "JsonView"]


class JsonView:
    """A view of the output, printed once it is there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Show nothing yet."""

    def conclude(self, output: WorkflowOutput) -> None:
        """Print the output."""
        write(output.model_dump_json() + "\n")


class EventsView:
    """Prints every event at once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Print the event."""
        write(event.model_dump_json() + "\n")

    def conclude(self, output: WorkflowOutput) -> None:
        """Show no more: the last event holds the output."""
