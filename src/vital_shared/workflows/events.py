"""Turn the engine's notifications into the events that every interface shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from vital_shared.graph import Channel, Node, NodeStatus, ObservedRun, Observer, Outcome
from vital_shared.llm.base import Cited, ReasoningDelta, TextDelta
from vital_shared.models.event import (
    ApprovalRequired,
    CitationFound,
    Event,
    NodeFinished,
    NodeStarted,
    Reasoning,
    Retrieval,
    Token,
    ToolFinished,
    ToolStarted,
    WarningRaised,
)
from vital_shared.models.quality import AnswerWarning
from vital_shared.models.tool import ToolCall, ToolResult

__all__ = ["RunEvents"]

LIMIT: Final = 256
"""Chunks of an answer that may wait for a slow reader before the model is slowed down."""

RESULTS_NODE: Final = "rag_retrieval"


class RunEvents(Observer):
    """The numbered events of one run, for its one reader.

    :param run_id: the run.
    :param last_seq: the number of the last event before a pause; 0 at first.
    """

    def __init__(self, run_id: str, last_seq: int = 0) -> None:
        self.run_id = run_id
        self.last_seq = last_seq
        self.first_token_at: float | None = None
        """The time when the first token left the engine, by `time.perf_counter`."""
        self.channel: Channel[Event] = Channel(LIMIT)

    def emit(self, make: Callable[..., Event], **fields: Any) -> None:
        """Number an event and pass it on without waiting: these are few."""
        self.last_seq += 1
        self.channel.push(make(run_id=self.run_id, seq=self.last_seq, **fields))

    async def deliver(self, _node: Node, chunk: Any) -> None:
        """Pass a chunk of the answer on, at the reader's pace."""
        await self.channel.room()  # before it is numbered, so that the order is that of the numbers
        if isinstance(chunk, TextDelta):
            if self.first_token_at is None:
                self.first_token_at = time.perf_counter()
            self.emit(Token, text=chunk.text)
        elif isinstance(chunk, Cited):
            self.emit(CitationFound, citation=chunk.citation)
        elif isinstance(chunk, ReasoningDelta):
            self.emit(Reasoning, text=chunk.text)
        elif isinstance(chunk, ToolCall):
            self.emit(ToolStarted, tool=chunk)
        elif isinstance(chunk, ToolResult):
            self.emit(ToolFinished, result=chunk)
        elif isinstance(chunk, AnswerWarning):
            self.emit(WarningRaised, warning=chunk)
        # What else a user's own node streams has no event.

    def node_started(self, run: ObservedRun, node: Node) -> None:
        """Emit it."""
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
        self.emit(NodeFinished, node=node.name, status=status, duration_seconds=seconds)
        if status == "paused":
            request = run.paused.get(node.makes)
            if isinstance(request, tuple) and all(isinstance(call, ToolCall) for call in request):
                self.emit(ApprovalRequired, tools=request)

    def step_started(self, run: ObservedRun, node: Node, name: str) -> None:
        """Emit it, like a node's."""
        self.emit(NodeStarted, node=name)

    def step_finished(
        self, run: ObservedRun, node: Node, name: str, status: NodeStatus, seconds: float
    ) -> None:
        """Emit it, like a node's."""
        self.emit(NodeFinished, node=name, status=status, duration_seconds=seconds)

    def item_started(self, run: ObservedRun, node: Node, index: int, item: Any) -> None:
        """Emit the start of a tool call."""
        if isinstance(item, ToolCall):
            self.emit(ToolStarted, tool=item)

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """Emit what a tool call or a RAG source has given."""
        if isinstance(outcome.value, ToolResult):
            self.emit(ToolFinished, result=outcome.value)
        elif node.name == RESULTS_NODE:
            self.emit(
                Retrieval,
                source=item,
                status=outcome.status,
                documents=len(outcome.value or ()),
                duration_seconds=outcome.seconds,
            )
