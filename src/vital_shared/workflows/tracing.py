"""A run as OpenTelemetry spans: one for the run, and one for each node, step and item of a fan-out.

A node's span is the current span in the node's code, also in its thread, so custom spans and those of
instrumented clients become its children. Its parent is always the run's span, even if another node ran before
it in the same task.
"""

from __future__ import annotations

import asyncio
from contextvars import Token
from dataclasses import dataclass
from typing import Any, Self

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context

from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.graph import Node, NodeStatus, ObservedRun, Observer, Outcome
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.monitoring.spans import AGENT_PROVIDER, error_type, fail, link_to, trace_id, traceparent
from vital_shared.workflows.events import ANSWER_VALUE, RESULTS_NODE
from vital_shared.workflows.workflow_parts import WorkflowParts

__all__ = ["NodeSpans", "RunSpan"]


@dataclass(slots=True)
class _Open:
    """A span that is the current span of a task."""

    span: Span
    context: Context
    token: Token[Context]
    task: asyncio.Task[Any] | None


class NodeSpans(Observer):
    """The spans of a run's parts, as children of the span that is current when it starts."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._context = get_current()
        self._open: dict[tuple[int, str | int | None], _Open] = {}
        """Open spans by the node's index, and the name of its step or the index of its item."""

    def run_started(self, run: ObservedRun) -> None:
        """Note what all nodes stand below."""
        self._context = get_current()

    def node_started(self, run: ObservedRun, node: Node) -> None:
        """Begin the node's span."""
        name, attributes = self._described(node)
        self._begin((node.index, None), name, self._context, attributes)

    def node_finished(
        self, run: ObservedRun, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        """End it, and before it what it has left open."""
        for key in [key for key in self._open if key[0] == node.index and key[1] is not None]:
            self._end(key, status)
        self._end((node.index, None), status, error)

    def step_started(self, run: ObservedRun, node: Node, name: str) -> None:
        """Begin a step's span."""
        self._begin((node.index, name), name, self._below(node))

    def step_finished(
        self, run: ObservedRun, node: Node, name: str, status: NodeStatus, seconds: float
    ) -> None:
        """End it."""
        self._end((node.index, name), status)

    def item_started(self, run: ObservedRun, node: Node, index: int, item: Any) -> None:
        """Begin an item's span."""
        attributes: dict[str, Any] = {"vital.item.index": index}
        if node.method == RESULTS_NODE:
            attributes |= {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": item}
            kind, name = SpanKind.CLIENT, f"retrieval {item}"
        else:
            kind, name = SpanKind.INTERNAL, f"{node.name} item"
        self._begin((node.index, index), name, self._below(node), attributes, kind)

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """End it."""
        kind = None if outcome.error is None else outcome.error.partition(":")[0]
        self._end((node.index, index), outcome.status, kind=kind)

    def _described(self, node: Node) -> tuple[str, dict[str, Any] | None]:
        """Return the name of a node's span, and its attributes if it has any."""
        return node.name, None

    def _below(self, node: Node) -> Context:
        open_ = self._open.get((node.index, None))
        return self._context if open_ is None else open_.context

    def _begin(
        self,
        key: tuple[int, str | int | None],
        name: str,
        below: Context,
        attributes: dict[str, Any] | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        span = self._tracer.start_span(name, context=below, kind=kind, attributes=attributes)
        context = set_span_in_context(span, below)
        self._open[key] = _Open(span, context, attach(context), asyncio.current_task())

    def _end(
        self,
        key: tuple[int, str | int | None],
        status: NodeStatus,
        error: BaseException | None = None,
        kind: str | None = None,
    ) -> None:
        open_ = self._open.pop(key)
        if open_.task is asyncio.current_task():  # else its task has ended, and its context with it
            detach(open_.token)
        open_.span.set_attribute("vital.status", status)
        if status in ("failed", "timeout"):
            fail(open_.span, kind or (status if error is None else error_type(error)))
        open_.span.end()


class RunSpan(NodeSpans):
    """The span of a run, or of its part after a pause; the current span within ``with``.

    It is a child of the span that is current when the run begins, if there is one.

    :param workflow: the workflow; its class gives the span its name.
    :param earlier: the result of `traceparent` for the part before the pause.
    """

    def __init__(
        self,
        tracer: Tracer,
        workflow: WorkflowParts,
        run_id: str,
        request: WorkflowInput,
        earlier: str | None,
    ) -> None:
        super().__init__(tracer)
        self._name = f"invoke_workflow {workflow.class_name}"
        self._links = () if earlier is None else (link_to(earlier),)
        self._attributes = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": workflow.class_name,
            "vital.run.id": run_id,
            "vital.tenant.id": request.tenant_id,
            "vital.mode": request.mode.value,
            "vital.execution": request.execution,
        }
        conversation = {} if request.session_id is None else {"gen_ai.conversation.id": request.session_id}
        self._agent: dict[str, Any] | None = None
        """The attributes of the node in which the agent answers; None: there is none."""
        if workflow.traits.has_agent:
            self._attributes["gen_ai.agent.id"] = request.agent_id
            self._agent = {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": AGENT_PROVIDER,
                "gen_ai.agent.id": request.agent_id,
                "gen_ai.agent.name": request.agent_id,
                **({} if request.model is None else {"gen_ai.request.model": request.model}),
                **conversation,
            }
        self._attributes |= {"user.id": request.user_id, **conversation}
        if request.session_id is not None:
            self._attributes["session.id"] = request.session_id

    def _described(self, node: Node) -> tuple[str, dict[str, Any] | None]:
        if self._agent is None or node.makes != ANSWER_VALUE:
            return super()._described(node)
        return f"invoke_agent {self._agent['gen_ai.agent.name']}", {**self._agent, "vital.node": node.name}

    def __enter__(self) -> Self:
        self.span = self._tracer.start_span(
            self._name, kind=SpanKind.INTERNAL, attributes=self._attributes, links=self._links
        )
        self._token = attach(set_span_in_context(self.span))
        return self

    def __exit__(self, *_: object) -> None:
        detach(self._token)
        self.span.end()

    @property
    def traceparent(self) -> str | None:
        """Names the span, for the part after a pause to link to."""
        return traceparent(self.span)

    @property
    def trace_id(self) -> str | None:
        """The id of its trace, in hexadecimal; None: it is not sampled."""
        return trace_id(self.span)

    def ended(self, answer: WorkflowOutput | None, error: RunFailed | None) -> None:
        """Note how the run has ended; without answer and error it waits."""
        if error is not None:
            cancelled = isinstance(error, RunCancelled)
            self.span.set_attribute("vital.status", "cancelled" if cancelled else "failed")
            if not cancelled:
                fail(self.span, error.error_type)
        elif answer is not None:
            self.span.set_attributes(
                {
                    "vital.status": "degraded" if answer.is_degraded else "success",
                    "vital.degradation_reasons": answer.degradation_reasons,
                    "vital.cost_dollars": str(answer.cost.total),
                    "vital.cache_status": answer.cache_status,
                }
            )
        else:
            self.span.set_attribute("vital.status", "paused")
