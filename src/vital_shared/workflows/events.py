"""Convert the notifications of the graph engine into the events that every interface shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from vital_shared.billing.run_context import RoundNode, current_node
from vital_shared.events.memory import MemoryLog
from vital_shared.graph import (
    Node,
    NodeError,
    NodeStatus,
    ObservedRun,
    Observer,
    Outcome,
    json_value,
    owner_of,
    part_name,
)
from vital_shared.llm.base import Cited, ReasoningDelta, TextDelta
from vital_shared.models.event import (
    ApprovalRequired,
    CitationFound,
    Event,
    InputRequired,
    NodeFinished,
    NodeStarted,
    NodeYielded,
    Reasoning,
    Retrieval,
    RunStarted,
    Token,
    ToolFinished,
    ToolStarted,
    WarningRaised,
)
from vital_shared.models.quality import AnswerWarning
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.required_input import is_approval, required_input
from vital_shared.workflows.standing_events import (
    ANSWER_VALUE,
    RESULTS_NODE,
    StandingEvents,
    supersede,
    supersede_parts,
)

__all__ = ["ANSWER_VALUE", "RESULTS_NODE", "Continuation", "RunEvents", "check_text", "current_item"]

MAX_TOKEN_CHARACTERS: Final = 50_000
"""Characters of one event; a longer piece of text is written as several."""


current_item: Final[ContextVar[int | None]] = ContextVar("current_item", default=None)
"""The index of the item that this code works for, in a node that runs once for each item of a list."""


class RunEvents(Observer):
    """The writer of a run's events into its log.

    :param log: the log of the run.
    :param streamed: the beginning of the answer that the log already has, from another run of the request.
    :param standing: the part of the run that the log already has, if the run was taken over.
    """

    def __init__(self, log: MemoryLog, streamed: str = "", standing: StandingEvents | None = None) -> None:
        self.log = log
        self.standing = standing
        self.run_id = log.run_id
        self.first_token_at: float | None = None
        """The time when the first token left the engine, by `time.perf_counter`."""
        self.note_token: Callable[[float], None] | None = None
        """Called with the time of each token."""
        self.is_departing = False
        """Whether the run is left to another worker: what is cancelled for that is no news to its readers."""
        self._rest = Continuation(streamed) if streamed else None

    @property
    def last_seq(self) -> int:
        """The number of the last event."""
        return self.log.last_seq

    def emit(self, make: Callable[..., Event], **fields: Any) -> None:
        """Give an event its number and write it without waiting: these are few."""
        log = self.log
        log.append(make(run_id=self.run_id, seq=log.last_seq + 1, epoch=log.epoch, **fields))

    def announce(self, mode: WorkflowMode, *, resumed: bool) -> None:
        """Write the first event, unless the log has it from another's run or another owner."""
        standing = self.standing
        if standing is None:
            if resumed or not self.last_seq:
                self.emit(RunStarted, mode=mode, resumed=resumed)
        elif not standing.has_begun:
            self.emit(RunStarted, mode=mode, resumed=standing.is_resumed)

    def emit_text(self, text: str) -> None:
        """Write a piece of the answer, except for what the log has already."""
        now = time.perf_counter()
        if self.first_token_at is None:
            self.first_token_at = now
        if self.note_token is not None:
            self.note_token(now)
        self._write_text(text)

    def _write_text(self, text: str) -> None:
        if self._rest is not None:
            text = self._rest.new(text)
        if text:
            self.log.append_text(text)

    def finish_text(self, response: str) -> None:
        """Write the response, or what of it has not been streamed; a text at the end has no first token."""
        if self.first_token_at is not None:
            return
        standing = self.standing
        if standing is not None and standing.text:
            if response.startswith(standing.text):
                response = response[len(standing.text) :]
            else:
                supersede(self.log, standing.text_seq, lambda event: not isinstance(event, Token))
        if response:
            self._write_text(response)

    async def deliver(self, node: Node, chunk: Any, item: int | None) -> None:
        """Write what a node yields, at the readers' pace; in a loop, no round is known to be the last one.

        :raises NodeError: when JSON cannot hold it.
        """
        if self.log.is_full:
            await self.log.room()  # before it is numbered, so that the order is that of the numbers
        if node.makes == ANSWER_VALUE and node.loop_over is None:
            text = chunk.text if isinstance(chunk, TextDelta) else chunk
            if isinstance(text, str):
                if 0 < len(text) <= MAX_TOKEN_CHARACTERS and text.isascii():  # as most pieces are
                    self.emit_text(text)
                else:
                    await self._deliver_text(node, text)
                return
        self._deliver_part(node, chunk, item)

    async def _deliver_text(self, node: Node, text: str) -> None:
        """Write plain text that the answer's node yields; one piece may be of any length."""
        check_text(node.name, "yields", text)
        for start in range(0, len(text), MAX_TOKEN_CHARACTERS):
            if start and self.log.is_full:
                await self.log.room()
            self.emit_text(text[start : start + MAX_TOKEN_CHARACTERS])

    def _deliver_part(self, node: Node, chunk: Any, item: int | None) -> None:
        is_answering = node.makes == ANSWER_VALUE and node.loop_over is None
        if isinstance(chunk, ToolCall):
            self.emit(ToolStarted, tool=chunk)
        elif isinstance(chunk, ToolResult):
            self.emit(ToolFinished, result=chunk)
        elif isinstance(chunk, AnswerWarning):
            self.emit(WarningRaised, warning=chunk)
        elif is_answering and isinstance(chunk, Cited):
            self.emit(CitationFound, citation=chunk.citation)
        elif is_answering and isinstance(chunk, ReasoningDelta):
            check_text(node.name, "yields", chunk.text)
            self.emit(Reasoning, text=chunk.text)
        else:
            shown = chunk.text if isinstance(chunk, TextDelta) else chunk
            current = current_node.get()
            name = current.account if isinstance(current, RoundNode) else node.name
            self.emit(NodeYielded, node=name, item=item, value=json_value(name, "yields", shown))

    def node_started(self, run: ObservedRun, node: Node) -> None:
        """Emit it; what the node's code asks for from now on is the node's."""
        current_node.set(node)
        if self.standing is None or node.name not in self.standing.started:
            self.emit(NodeStarted, node=node.name)

    def node_finished(
        self,
        run: ObservedRun,
        node: Node,
        status: NodeStatus,
        seconds: float,
        error: BaseException | None,
    ) -> None:
        """Emit it, and what a paused node asks for."""
        if self.is_departing and status == "cancelled":
            return
        self._void_parts(node)
        if self.standing is None or node.name not in self.standing.finished:
            self.emit(NodeFinished, node=node.name, status=status, duration_seconds=seconds)
        if status == "paused":
            request = run.paused.get(node.makes)
            if not is_approval(run.plan, node.makes):
                self.emit(InputRequired, input=required_input(run, node, request))
            elif isinstance(request, tuple) and all(isinstance(call, ToolCall) for call in request):
                self.emit(ApprovalRequired, tools=request)

    def step_started(self, run: ObservedRun, node: Node, name: str) -> None:
        """Emit it, like a node's."""
        self.emit(NodeStarted, node=name)

    def step_finished(
        self, run: ObservedRun, node: Node, name: str, status: NodeStatus, seconds: float
    ) -> None:
        """Emit it, like a node's."""
        if self.is_departing and status == "cancelled":
            return
        self.emit(NodeFinished, node=name, status=status, duration_seconds=seconds)

    def round_node_started(self, run: ObservedRun, node: Node, inner: Node, name: str) -> None:
        """Let what the code of a loop's node asks for be the loop's, on an account of the node's own."""
        self._void_parts(node)
        current_node.set(RoundNode(node, inner, name))

    def item_started(self, run: ObservedRun, node: Node, index: int, item: Any) -> None:
        """Emit the start of a tool call; what the item's code asks for from now on is the item's."""
        self._void_parts(node)
        current_item.set(index)
        if isinstance(item, ToolCall):
            self.emit(ToolStarted, tool=item)

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """Emit what a tool call or a RAG source has given."""
        if isinstance(outcome.value, ToolResult):
            self.emit(ToolFinished, result=outcome.value)
        elif node.method == RESULTS_NODE and isinstance(item, str):
            self.emit(
                Retrieval,
                source=item,
                status=outcome.status,
                documents=len(outcome.value or ()),
                duration_seconds=outcome.seconds,
            )

    def item_kept(self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]) -> None:
        """Emit once more what counts again: until then, it was void with the rest of its node's."""
        self._keep_part(node, index)
        if isinstance(item, ToolCall):
            self.emit(ToolStarted, tool=item)
        self.item_finished(run, node, index, item, outcome)

    def round_kept(self, run: ObservedRun, node: Node, number: int) -> None:
        """Let its events stand."""
        self._keep_part(node, number)

    def _keep_part(self, node: Node, number: int) -> None:
        if self.standing is not None:
            self.standing.parts.discard(part_name(node.name, number))

    def _void_parts(self, node: Node) -> None:
        """Void the events of a node's items and rounds that run again: those that do not are kept by now."""
        if self.standing is None or not self.standing.parts:
            return
        void = {part for part in self.standing.parts if owner_of(part) == node.name}
        self.standing.parts -= void
        supersede_parts(self.log, void)


def check_text(node: str, does: str, text: str) -> None:
    """Refuse half a character (a lone surrogate), with which no reader could read the log.

    :param node: the node's name, and ``does`` what it does with the text, for the message.
    :raises NodeError: when there is one.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        broken = f"a value of type str, which JSON cannot hold: {error.reason}"
        raise NodeError(f"node '{node}' {does} {broken}", node=node) from error


class Continuation:
    """The rest of an answer, for readers that have its beginning from another run of the same request.

    :param streamed: the beginning that they have.
    """

    def __init__(self, streamed: str) -> None:
        self._streamed = streamed
        self._text = ""
        self._is_past = False

    def new(self, text: str) -> str:
        """Return what is new in a piece of the answer; an answer that differs follows whole."""
        if self._is_past:
            return text
        self._text += text
        if self._streamed.startswith(self._text):
            return ""
        self._is_past = True
        if self._text.startswith(self._streamed):
            return self._text[len(self._streamed) :]
        return f"\n\n{self._text}"
