"""The calls of models that the nodes of a workflow make."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar, overload

from vital_shared.errors import InvalidRequest
from vital_shared.graph import PendingCall
from vital_shared.llm.typed_output import typed_output
from vital_shared.tools.base import Tool
from vital_shared.workflows.self_llm.call import LlmCall, LlmPrompt
from vital_shared.workflows.self_llm.current_run import current_run, node_of_run
from vital_shared.workflows.self_llm.options import LlmOptions

__all__ = ["NodeLlm"]

T = TypeVar("T")


class NodeLlm:
    """The method `llm` of a workflow, for its nodes."""

    @overload
    async def llm(
        self,
        prompt: LlmPrompt,
        *,
        model: str | None = None,
        output: None = None,
        tools: Sequence[Tool] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        stream: bool = False,
    ) -> str: ...

    @overload
    async def llm(
        self,
        prompt: LlmPrompt,
        *,
        model: str | None = None,
        output: type[T],
        tools: Sequence[Tool] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        stream: bool = False,
    ) -> T: ...

    @overload
    async def llm(
        self,
        prompt: LlmPrompt,
        *,
        model: str | None = None,
        output: Any,
        tools: Sequence[Tool] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        stream: bool = False,
    ) -> Any: ...

    def llm(
        self,
        prompt: LlmPrompt = "",
        *,
        model: str | None = None,
        output: Any = None,
        tools: Sequence[Tool] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        stream: bool = False,
        **unknown: Any,
    ) -> Coroutine[Any, Any, Any]:
        """Ask a model from a node, with the fallbacks, budgets, charges and traces of the built-in answer.

        :param prompt: a text, or a conversation; it is sent as it is.
        :param model: ``provider:model``, before the agent's fallbacks; None: the request's, else the agent's.
        :param output: the type of the value: a pydantic model, a dataclass, ``list[int]``; None: text.
        :param tools: tools that the model may call before it answers, five rounds at most.
        :param temperature: from 0 to 2; None: the model's own.
        :param max_tokens: the longest answer; None: what the model, and the money, allow.
        :param stream: show the pieces to the run's readers as they come.
        :raises InvalidRequest: when the prompt or an option is none.
        :raises ModelError: when no model answers, or not to the end.
        :raises ModelOutputInvalid: when what it writes is no such value, after two corrections.
        :raises CostLimitExceeded: when it could cost more than the node's or the run's ``max_cost_dollars``.
        :raises BudgetExceeded: when it could cost more than is left of the tenant's budget.
        """
        for name in unknown:
            raise InvalidRequest(_no_option(name))
        options = LlmOptions(model, tools, temperature, max_tokens, stream)
        call = PendingCall(partial(_answered, prompt, options, output), "self.llm")
        run, node = current_run.get(), node_of_run()
        if run is not None and node is not None:
            run.graph_run.note_call(node, call.site)
        return call


def _no_option(name: str) -> str:
    options = [each for each in inspect.signature(NodeLlm.llm).parameters if each not in ("self", "unknown")]
    near = get_close_matches(name, options, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(options)}."
    return f"self.llm has no option {name}: {hint}"


async def _answered(prompt: LlmPrompt, options: LlmOptions, output: Any) -> Any:
    call = LlmCall(prompt, options)
    return await (call.text() if output in (None, str) else call.value(typed_output(output)))
