"""The events of a run that remain valid when another worker continues it, and those that no longer count.

If a node was cut off and runs again, its earlier events no longer count: its text, the values it yielded, its
tool calls. `Superseded` marks all events from a given number on as void. Those of them that still count,
because they belong to other nodes, are written again after it. So every reader that drops the void events
ends up with the same events, wherever it joined, and the remaining tokens are the answer.

If a node only runs again to recompute its value, its start and its end are not written twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vital_shared.events.memory import MemoryLog
from vital_shared.graph import Plan, Span, part_name
from vital_shared.models.event import (
    OUTCOMES,
    CitationFound,
    Event,
    NodeFinished,
    NodeStarted,
    NodeYielded,
    Reasoning,
    Retrieval,
    RunPaused,
    RunStarted,
    Superseded,
    Token,
    ToolFinished,
    ToolStarted,
    WarningRaised,
)

__all__ = [
    "ANSWER_VALUE",
    "RESULTS_NODE",
    "StandingEvents",
    "restore_standing",
    "supersede",
    "supersede_end",
    "supersede_parts",
]

ANSWER_VALUE: Final = "answer"
"""The value whose node yields the pieces of the response."""
RESULTS_NODE: Final = "rag_retrieval"

_PART: Final = re.compile(r"(?P<node>.+?)(?:\[(?P<item>\d+)\]|\.(?P<round>\d+)(?=\.))")
"""The beginning of the name of a step: ``node[item].step``, or ``loop.round.node``."""


@dataclass(slots=True)
class StandingEvents:
    """The valid part of a run's log, as far as the next owner of the run needs it."""

    has_begun: bool = False
    """Whether the run's beginning, or its last resumption, is in the log."""
    is_resumed: bool = False
    """Whether it was resumed after a pause."""
    started: set[str] = field(default_factory=set)
    """Nodes whose start readers have."""
    finished: set[str] = field(default_factory=set)
    """Nodes whose end readers have."""
    parts: set[str] = field(default_factory=set)
    """Items and rounds of whose events readers have some, until it is known that these do not run again."""
    text: str = ""
    """The tokens of the answer."""
    text_seq: int = 0
    """The number of the first of them."""


def restore_standing(
    log: MemoryLog, plan: Plan, kept: Collection[str], spans: Sequence[Span], tools: Collection[str] = ()
) -> StandingEvents:
    """Void what does not count any more in the log of a run that was taken over, and return what does.

    :param kept: the nodes that do not run again, and the items and rounds of others.
    :param spans: the lines in the waterfall of those that have ended since the run began, or was resumed.
    :param tools: the ids of the tool calls whose results are kept, of nodes that run again in part.
    """
    if log.last_seq and log.first_seq > log.last_seq:  # what readers have may be anything
        _append(log, Superseded, from_seq=1)
        return StandingEvents()
    stands = _Stands(plan, kept, tools)
    lost = [event.seq for event in _valid(log)[1] if not stands(event) and _is_content(event)]
    if lost:
        supersede(log, lost[0], _Stands(plan, kept, tools))
    _add_missing(log, spans)
    return _standing(log)


def supersede(log: MemoryLog, from_seq: int, keeps: Callable[[Event], bool]) -> None:
    """Void the events from a number on, and write those once more that are to be kept.

    :param keeps: called with each event since the last pause, in their order.
    """
    kept = [event for event in _valid(log)[1] if keeps(event) and event.seq >= from_seq]
    _append(log, Superseded, from_seq=from_seq)
    for event in kept:
        log.append(replace(event, seq=log.last_seq + 1, epoch=log.epoch))


def supersede_end(log: MemoryLog) -> None:
    """Void the end of a run that goes on after all; the events before it stand."""
    if log.outcome is not None:
        _append(log, Superseded, from_seq=log.outcome.seq)
        log.begin_epoch(log.epoch)


def supersede_parts(log: MemoryLog, parts: Collection[str]) -> None:
    """Void what items and rounds have emitted that run again, or are none any more."""
    void = [event.seq for event in _valid(log)[1] if _part_of(event) in parts]
    if void:
        supersede(log, void[0], lambda event: _part_of(event) not in parts)


def _part_of(event: Event) -> str:
    """Return the item of a fan-out, or the round of a loop, of which an event is; empty: of none."""
    match event:
        case NodeYielded(node=name, item=int(index)):
            return part_name(name, index)
        case NodeYielded(node=name) | NodeStarted(node=name) | NodeFinished(node=name):
            found = _PART.match(name)
            return "" if found is None else part_name(found["node"], int(found["item"] or found["round"]))
    return ""


def _append(log: MemoryLog, make: Callable[..., Event], **fields: Any) -> None:
    log.append(make(run_id=log.run_id, seq=log.last_seq + 1, epoch=log.epoch, **fields))


def _valid(log: MemoryLog) -> tuple[bool, list[Event]]:
    """Return whether there was a pause, and the events behind it that are not void."""
    was_paused, events = False, list[Event]()
    for seq in range(log.first_seq, log.last_seq + 1):
        event = log.event(seq)
        if isinstance(event, RunPaused):
            was_paused = True
            events.clear()
        elif isinstance(event, Superseded):
            events = [each for each in events if each.seq < event.from_seq]
        elif event is not None and event.type not in OUTCOMES:
            events.append(event)
    return was_paused, events


def _is_content(event: Event) -> bool:
    return not isinstance(event, NodeStarted | NodeFinished | RunStarted)


class _Stands:
    """A test of a run's events, one after another: whether they belong to nodes that do not run again.

    :param kept: the nodes that do not run again, and the items and rounds of others.
    :param tools: the ids of the tool calls whose results are kept.
    """

    def __init__(self, plan: Plan, kept: Collection[str], tools: Collection[str]) -> None:
        self._kept = kept
        self._tools = tools
        self._nodes = {node.name for node in plan.nodes}
        self._answering = next((node.name for node in plan.nodes if node.makes == ANSWER_VALUE), "")
        self._retrieving = next((node.name for node in plan.nodes if node.method == RESULTS_NODE), "")
        self._running: dict[str, None] = {}
        self._calls: dict[str, str] = {}

    def __call__(self, event: Event) -> bool:
        """Return whether the next event stands."""
        node = self._node_of(event)
        return not node or node in self._kept or self._is_of_part(event)

    def _is_of_part(self, event: Event) -> bool:
        """Return whether it belongs to an item, or a round, that does not run again.

        What the run emits of an item by itself, such as a search, it emits once more.
        """
        match event:
            case ToolStarted(tool=call):
                return call.id in self._tools
            case ToolFinished(result=result):
                return result.id in self._tools
        return _part_of(event) in self._kept

    def _node_of(self, event: Event) -> str:
        """Return the node of an event, as far as it and its place show that; empty: it is the run's own."""
        node = ""
        match event:
            case NodeStarted(node=name):
                self._running |= {name: None} if name in self._nodes else {}
                node = self._within(name)
            case NodeFinished(node=name):
                self._running.pop(name, None)
                node = self._within(name)
            case NodeYielded(node=name):
                node = self._within(name)
            case Token() | Reasoning() | CitationFound():
                node = self._answering
            case Retrieval():
                node = self._retrieving
            case ToolStarted(tool=call):
                node = self._calls[call.id] = self._likely()
            case ToolFinished(result=result):
                node = self._calls.get(result.id) or self._likely()
            case WarningRaised():
                node = self._likely()
        return node

    def _within(self, name: str) -> str:
        """Return the node that a step belongs to: see `Step`."""
        while name and name not in self._nodes:
            name = name.rpartition(".")[0].partition("[")[0]
        return name

    def _likely(self) -> str:
        """Return the node that runs; of several, the one that answers: tools run before it, or for it."""
        if self._answering in self._running:
            return self._answering
        return next(iter(self._running), "")


def _add_missing(log: MemoryLog, spans: Sequence[Span]) -> None:
    """Write the start and the end of nodes that were stored just before their worker died."""
    standing = _standing(log)
    for span in spans:
        if span.node not in standing.started:
            _append(log, NodeStarted, node=span.node)
        if span.node not in standing.finished:
            seconds = span.end - span.start
            _append(log, NodeFinished, node=span.node, status=span.status, duration_seconds=seconds)


def _standing(log: MemoryLog) -> StandingEvents:
    was_paused, events = _valid(log)
    tokens = [event for event in events if isinstance(event, Token)]
    return StandingEvents(
        has_begun=any(isinstance(event, RunStarted) for event in events),
        is_resumed=was_paused,
        started={event.node for event in events if isinstance(event, NodeStarted)},
        finished={event.node for event in events if isinstance(event, NodeFinished)},
        parts=set(filter(None, map(_part_of, events))),
        text="".join(token.text for token in tokens),
        text_seq=tokens[0].seq if tokens else 0,
    )
