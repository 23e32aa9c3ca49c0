"""A run where stdout is no terminal: the answer and its sources there, the rest on stderr."""

from __future__ import annotations

from typing import Self

from vital_cli.terminal import clean, say, write
from vital_cli.views.remarks import remark
from vital_cli.views.words import call_in_words, counted, duration, made_lines, source_lines, value_in_words
from vital_shared.models.event import Event, NodeYielded, Retrieval, Superseded, Token, ToolFinished
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["PlainView"]


class PlainView:
    """A view of the answer as it comes, then of its sources."""

    def __init__(self) -> None:
        self._within_line = False
        """Whether the text so far ends within a line, where no remark belongs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """Print a piece of the answer, or what happens beside it."""
        match event:
            case Token(text=text):
                write(clean(text))
                self._within_line = not text.endswith("\n")
            case Retrieval(status="success"):
                found = counted(event.documents, "passage")
                self._remark(f"{event.source}: {found} in {duration(event.duration_seconds)}")
            case Retrieval():
                self._remark(f"{event.source}: {event.status} after {duration(event.duration_seconds)}")
            case ToolFinished(result=result):
                seconds = duration(result.duration_seconds)
                self._remark(f"{call_in_words(result)}: {result.status} in {seconds}")
            case Superseded():
                write("\n")
                self._within_line = False
                say(
                    "Another worker has gone on with the run: what follows takes the place of the text above."
                )
            case NodeYielded(node=node, value=value):
                self._remark(f"{node}: {value_in_words(value)}")
            case _:  # the steps of the engine are for the live view
                pass

    def _remark(self, text: str) -> None:
        """Print a remark on a line of its own, where both streams go to one place."""
        if self._within_line:
            say("")
            self._within_line = False
        say(text)

    def conclude(self, output: WorkflowOutput) -> None:
        """Print the sources, and say the rest."""
        if output.response:
            write("\n")
        for line in made_lines(output):
            write(clean(f"{line}\n"))
        if output.citations:
            write("\nSources\n")
        for citation in output.citations:
            where, quote = source_lines(citation)
            write(clean(f"{where}\n    {quote}\n"))
        remark(output)
