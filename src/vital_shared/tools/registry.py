"""The tools, and their calls, so that their failures stay their own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from vital_shared.billing.run_context import current_account, current_node_name, current_run_context
from vital_shared.deadline import preparation_seconds
from vital_shared.errors import ConfigurationError, InvalidRequest, NotFound, StoreError
from vital_shared.guardrails.base import GuardRefused
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import ToolDefinition
from vital_shared.llm.failing import is_own_cancellation
from vital_shared.logs import get_logger
from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge
from vital_shared.models.money import to_nanos
from vital_shared.models.tool import ToolCall, ToolResult, ToolStatus
from vital_shared.monitoring.labels import OTHER
from vital_shared.monitoring.metrics import TOOL_DURATION_SECONDS, TOOL_EXECUTIONS_TOTAL
from vital_shared.monitoring.tracing import tool_span
from vital_shared.retrieval.usable_passages import shorten, usable_passages
from vital_shared.tools.base import Found, Tool, ToolContext, ToolError
from vital_shared.tools.tool_guard import ToolGuard

__all__ = ["MAX_RESULT_CHARACTERS", "ToolRegistry"]

MAX_RESULT_CHARACTERS = 20_000
"""A longer result is cut, and says so."""

MAX_PASSAGES = 20
MAX_ERROR_CHARACTERS = 1_000

NOT_REPEATED: Final = (
    "The worker that made this call died before it knew the result: the call may have had its effect, "
    "and is not repeated."
)
"""The error of a call that may change something, where another worker goes on with its run."""

logger = get_logger(__name__)


class ToolRegistry:
    """The tools of an engine, by name.

    :param tools: each name once.
    :param clock: seconds; measures how long a tool took.
    :param guardrails: the checks of what tools are given and return; None: there are none.
    :raises ConfigurationError: when two tools have the same name.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        clock: Callable[[], float] = time.perf_counter,
        guardrails: Guardrails | None = None,
    ) -> None:
        self._tools: dict[str, Tool] = {}
        self._clock = clock
        self._guard = None if guardrails is None or not guardrails.is_active else ToolGuard(guardrails)
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f'Two tools are called "{tool.name}": rename one of them.')
            self._tools[tool.name] = tool
        self.read_only = frozenset(tool.name for tool in tools if tool.read_only)
        """The names of those that change nothing."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools, in the order in which they were given."""
        return tuple(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def get(self, name: str) -> Tool:
        """Find a tool.

        :raises NotFound: naming the tools that there are.
        """
        try:
            return self._tools[name]
        except KeyError:
            there_are = ", ".join(self._tools) or "none"
            raise NotFound(
                f'There is no tool "{name}"; the tools are: {there_are}.', field="requested_tools"
            ) from None

    def definitions(self) -> tuple[ToolDefinition, ...]:
        """Describe the tools for a model."""
        return tuple(tool.definition for tool in self)

    def validate(self, name: str, arguments: Mapping[str, Any]) -> BaseModel:
        """Check the arguments of a call before it is made.

        :raises NotFound: when there is no such tool.
        :raises InvalidRequest: when the arguments do not fit, naming the tool and the argument.
        """
        return self.get(name).validate(arguments)

    async def run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        """Make a call, and return its result.

        Never raises for what the call or the tool did wrong: that is the result's status and error.
        A call that was refused before the tool started costs nothing.
        """
        try:
            return await self._run(call, context)
        except Exception:
            logger.exception("tool_call_failed", tool=call.name, run_id=context.run_id)
            return _result(call, "failed", error=f'The call of the tool "{call.name}" failed.')

    async def _run(self, call: ToolCall, context: ToolContext) -> ToolResult:
        try:
            tool = self.get(call.name)
            arguments = tool.validate(call.arguments)
        except InvalidRequest as error:
            TOOL_EXECUTIONS_TOTAL.labels(call.name if call.name in self._tools else OTHER, "failed").inc()
            return _result(call, "failed", error=error.message)
        try:
            if self._guard is not None:
                await self._guard.before(call)
        except GuardRefused as refusal:
            TOOL_EXECUTIONS_TOTAL.labels(tool.name, "denied").inc()
            return _result(call, "denied", error=refusal.message)
        effect = _effect(tool, call)
        if _has_begun(effect):
            TOOL_EXECUTIONS_TOTAL.labels(tool.name, "failed").inc()
            return _result(call, "failed", error=NOT_REPEATED)
        try:
            item = await _announced(tool, effect)
        except StoreError as error:
            TOOL_EXECUTIONS_TOTAL.labels(tool.name, "failed").inc()
            return _result(call, "failed", error=f"The call was not made: {error}")
        started = self._clock()
        ended = "cancelled"
        try:
            with tool_span(call, tool.description) as span:
                status, found, error_text = await self._checked(tool, call, arguments, context)
                if span is not None:
                    span.ended(status)
            ended = status
        finally:  # a call that is cancelled midway has gone out, and is paid for
            _charge(tool, item, ended)
        seconds = self._clock() - started
        TOOL_EXECUTIONS_TOTAL.labels(tool.name, status).inc()
        TOOL_DURATION_SECONDS.labels(tool.name).observe(seconds)
        return _result(call, status, found, error_text).model_copy(
            update={"duration_seconds": seconds, "cost_dollars": tool.cost_dollars}
        )

    async def _checked(
        self, tool: Tool, call: ToolCall, arguments: BaseModel, context: ToolContext
    ) -> tuple[ToolStatus, Found, str | None]:
        """Run the tool; what a guardrail holds back of its result is not passed on."""
        status, found, error_text = await _attempt(tool, arguments, context)
        if self._guard is None or status != "success":
            return status, found, error_text
        try:
            return status, await self._guard.after(call, found), None
        except GuardRefused as refusal:
            return "denied", _NO_RESULTS, refusal.message


_NO_RESULTS = Found(text="")


def _result(
    call: ToolCall, status: ToolStatus, found: Found = _NO_RESULTS, error: str | None = None
) -> ToolResult:
    return ToolResult(
        id=call.id,
        name=call.name,
        arguments=call.arguments,
        status=status,
        content=found.text,
        passages=found.passages,
        error=None if error is None else shorten(error, MAX_ERROR_CHARACTERS),
    )


async def _attempt(
    tool: Tool, arguments: BaseModel, context: ToolContext
) -> tuple[ToolStatus, Found, str | None]:
    """Run the tool within its time: the status, what it found, and the error in one sentence."""
    try:
        async with asyncio.timeout(preparation_seconds(tool.timeout_seconds)):
            found = await tool.function(arguments, context)
        return "success", _bounded(found), None
    except TimeoutError as error:
        _log_failure(tool, context, error)
        return "timeout", _NO_RESULTS, f'The tool "{tool.name}" did not answer in time.'
    except ToolError as error:
        _log_failure(tool, context, error)
        return "failed", _NO_RESULTS, str(error)
    except asyncio.CancelledError as error:
        if is_own_cancellation():
            raise
        _log_failure(tool, context, error)
        return "failed", _NO_RESULTS, f'The tool "{tool.name}" broke off.'
    except Exception as error:  # noqa: BLE001  # a tool may raise anything, and must not fail the run
        _log_failure(tool, context, error)
        return "failed", _NO_RESULTS, f'The tool "{tool.name}" failed ({type(error).__name__}).'


def _effect(tool: Tool, call: ToolCall) -> str | None:
    """Name a call that may change something, the same whichever worker makes it; None: nobody else can."""
    run_context = current_run_context.get()
    if tool.read_only or run_context is None or run_context.call_log is None:
        return None
    arguments = json.dumps(call.arguments, sort_keys=True, default=repr)
    digest = hashlib.sha256(arguments.encode()).hexdigest()[:16]
    return f"{current_account() or current_node_name()}/{call.name}/{digest}"


def _has_begun(effect: str | None) -> bool:
    run_context = current_run_context.get()
    return effect is not None and run_context is not None and run_context.has_begun(effect)


async def _announced(tool: Tool, effect: str | None) -> str:
    """Name a call, and write it down before it is made if it has a price or may change something.

    :raises StoreError: when the run is durable, and this could not be stored.
    """
    run_context = current_run_context.get()
    if run_context is None:
        return ""
    item = run_context.next_item("tools")
    if tool.cost_dollars:
        await run_context.announce(_charge_of(tool, item, "cancelled").as_estimate())
    if effect is not None:
        await run_context.begin_effect(effect)
    return item


def _charge(tool: Tool, item: str, status: str) -> None:
    run_context = current_run_context.get()
    if run_context is not None:
        run_context.add(_charge_of(tool, item, status))


def _charge_of(tool: Tool, item: str, status: str) -> Charge:
    return Charge.bounded(
        item=item,
        cost_type="tools",
        name=tool.name,
        status=status,
        node=current_node_name(),
        account=current_account(),
        unit_prices={"call": f"{tool.cost_dollars:f}"},
        cost_nanos=to_nanos(tool.cost_dollars),
        max_nanos=MAX_CHARGE_NANOS,
    )


def _log_failure(tool: Tool, context: ToolContext, error: BaseException) -> None:
    logger.warning(
        "tool_failed", tool=tool.name, tenant_id=context.tenant_id, run_id=context.run_id, exc_info=error
    )


def _bounded(found: object) -> Found:
    """Make of a tool's result what can be stored and sent: no longer than allowed, valid UTF-8."""
    if isinstance(found, str):
        found = Found(text=found)
    if not isinstance(found, Found):
        raise ToolError(f"The tool returned {type(found).__name__} where text was expected.")
    passages = usable_passages(found.passages[:MAX_PASSAGES])
    return Found(text=shorten(found.text, MAX_RESULT_CHARACTERS), passages=passages)
