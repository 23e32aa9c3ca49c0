"""A run on a terminal, redrawn while it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from vital_cli.terminal import clean
from vital_cli.views.remarks import remark
from vital_cli.views.streamed_text import StreamedText
from vital_cli.views.words import call_in_words, counted, duration, made_lines, source_lines, value_in_words
from vital_shared.models.event import (
    Event,
    NodeFinished,
    NodeStarted,
    NodeYielded,
    Reasoning,
    Retrieval,
    Superseded,
    Token,
    ToolFinished,
    ToolStarted,
)
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["LiveView"]

SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAMES_A_SECOND: Final = 12

MARKS: Final = {
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
    "timeout": ("✗", "red"),
    "denied": ("✗", "yellow"),
    "cancelled": ("✗", "yellow"),
    "skipped": ("-", "dim"),
    "paused": ("…", "yellow"),
}
"""The signs of a node, a source or a tool call, by status."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Something that runs, or has ended."""

    words: str
    started: float = 0.0
    """The start by `time.perf_counter`, while it runs."""
    status: str | None = None
    """None while it runs."""
    seconds: float = 0.0

    def stopped(self, now: float) -> _Row:
        """Return the row of something that will not end any more."""
        return _Row(self.words, status="cancelled", seconds=now - self.started)

    def __rich__(self) -> Text:
        now = time.perf_counter()
        turning = SPINNER[int(now * FRAMES_A_SECOND) % len(SPINNER)]
        mark, style = (turning, "cyan") if self.status is None else MARKS[self.status]
        text = Text.assemble((mark, style), " ", clean(self.words))
        if self.status in ("failed", "timeout", "denied", "cancelled", "paused"):
            text.append(f" {self.status}", style)
        if self.status not in ("skipped", "denied"):
            text.append(f" {duration(self.seconds if self.status else now - self.started)}", "dim")
        return text


class LiveView:
    """A view of the nodes, the sources and the tools, and below them the answer as it grows.

    While the run goes on, what is drawn fits the screen: of a long answer one sees the end. Then all of it
    is printed once, to stay. A thread of Rich draws: what it reads is replaced, never half changed.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._reset()
        self._live: Live | None = None

    def _reset(self) -> None:
        self._nodes: dict[str, _Row] = {}
        self._work: dict[str, _Row] = {}
        """Sources and tool calls."""
        self._answer = StreamedText()
        self._reasoning = StreamedText()
        self._ended = False

    def __enter__(self) -> Self:
        self._reset()
        self._live = Live(
            self, console=self._console, refresh_per_second=FRAMES_A_SECOND, redirect_stdout=False
        )
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        now = time.perf_counter()
        for rows in (self._nodes, self._work):
            rows.update({name: row.stopped(now) for name, row in rows.items() if row.status is None})
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take in what happens; the next frame shows it."""
        now = time.perf_counter()
        match event:
            case NodeStarted(node=node):
                self._nodes[node] = _Row(node, started=now)
            case NodeFinished(node=node):
                self._nodes[node] = _Row(node, status=event.status, seconds=event.duration_seconds)
            case NodeYielded(node=node, value=value):
                started = self._nodes[node].started if node in self._nodes else now
                self._nodes[node] = _Row(f"{node}: {value_in_words(value)}", started=started)
            case Retrieval(source=source):
                words = f"{source}: {counted(event.documents, 'passage')}"
                self._work[source] = _Row(words, status=event.status, seconds=event.duration_seconds)
            case ToolStarted(tool=call):
                self._work[call.id] = _Row(call_in_words(call), started=now)
            case ToolFinished(result=result):
                words, seconds = call_in_words(result), result.duration_seconds
                self._work[result.id] = _Row(words, status=result.status, seconds=seconds)
            case Reasoning(text=text):
                self._reasoning.add(event.seq, text)
            case Token(text=text):
                self._answer.add(event.seq, text)
            case Superseded(from_seq=seq):
                self._answer.drop_from(seq)
                self._reasoning.drop_from(seq)
            case _:
                pass

    def conclude(self, output: WorkflowOutput) -> None:
        """Print the sources, and say the rest."""
        for line in made_lines(output):
            self._console.print(Text(clean(line)))
        for citation in output.citations:
            where, quote = source_lines(citation)
            number, _, rest = clean(where).partition(" ")
            self._console.print(Text.assemble((number, "cyan"), " ", rest))
            self._console.print(Padding(Text(clean(quote), style="dim italic"), (0, 0, 0, 4)))
        remark(output)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        head = console.render_lines(Group(*self._head()), options, pad=False)
        body = console.render_lines(Group(*self._body()), options, pad=False)
        if not self._ended:
            head = head[-(console.height // 2) :]
            body = body[-max(1, console.height - len(head) - 1) :]
        for line in (*head, *body):
            yield from line
            yield Segment.line()

    def _head(self) -> Iterator[RenderableType]:
        if not self._nodes:
            return
        yield Columns(tuple(self._nodes.values()), equal=True, column_first=True, padding=(0, 2))
        yield from tuple(self._work.values())
        if not self._ended or self._answer.text:
            yield ""

    def _body(self) -> Iterator[RenderableType]:
        if self._answer.text:
            text = Text(clean(self._answer.text))
            text.highlight_regex(r"\[\d+\]", "cyan")
            yield text
        elif self._reasoning.text:
            yield Text(clean(self._reasoning.text), style="dim italic")
        if self._ended and self._answer.text:
            yield ""
