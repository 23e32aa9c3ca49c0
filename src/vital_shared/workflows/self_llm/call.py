"""Ask a model for a workflow's own node, through the same chain as the built-in answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from vital_shared.billing.run_context import current_account, current_node_name
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Step
from vital_shared.llm.base import (
    Model,
    ModelHeldBack,
    ModelOutputInvalid,
    ModelRequest,
    ModelUnavailable,
    ReasoningDelta,
    TextDelta,
)
from vital_shared.llm.chain import Chain
from vital_shared.llm.typed_output import TypedOutput, UnfitOutput
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.message import LlmMessage, Message
from vital_shared.monitoring.metrics import TOOL
from vital_shared.tools.base import ToolContext
from vital_shared.tools.registry import ToolRegistry
from vital_shared.workflows.answering import Answering, Chunk
from vital_shared.workflows.events import ANSWER_VALUE, current_item
from vital_shared.workflows.model_selection import check_prices, resolve_models
from vital_shared.workflows.output import tool_results_of
from vital_shared.workflows.self_llm.current_run import CurrentRun, current_run, node_of_run
from vital_shared.workflows.self_llm.node_budget import LlmBudget
from vital_shared.workflows.self_llm.options import LlmOptions
from vital_shared.workflows.tool_loop import ToolLoop
from vital_shared.wrong_field import WrongField

__all__ = ["LlmCall", "LlmPrompt"]

LlmPrompt: TypeAlias = str | Sequence[LlmMessage | Message | Mapping[str, str]]
"""A question, or a conversation: messages with a role (system, user, assistant) and their content."""

MAX_CORRECTIONS: Final = 2
"""Times that a model is asked again where what it wrote is no value of the type."""

CUT_OFF: Final = "it is cut off at the most tokens that an answer may have"
"""The problem of an answer that its limit ends before it is a value: that it is not JSON would mislead."""

logger = get_logger(__name__)

_PROMPT: Final = (
    "The prompt of self.llm is a text, or messages with a role (system, user or assistant) and content"
)


class LlmCall:
    """One call of `self.llm`: its rounds of tools, and its corrections.

    :param prompt: the caller's own prompt, which is sent as it is.
    :raises ConfigurationError: when no node of a run makes it.
    :raises InvalidRequest: when the prompt is no conversation, or an option is none.
    """

    def __init__(self, prompt: LlmPrompt, options: LlmOptions) -> None:
        run, node = current_run.get(), node_of_run()
        if run is None or node is None:
            raise ConfigurationError(
                "self.llm is for the nodes of a run that execute_typed or execute_stream begins: call it in "
                "one, and await it there."
            )
        self._run: CurrentRun = run
        self._node = node  # within a loop, the loop
        self._name = current_node_name()
        self._is_answering = node.makes == ANSWER_VALUE and node.loop_over is None
        options.check()
        self._options = options
        self._steps = self._name_steps() if options.tools else ""
        self._messages = _conversation(prompt)
        self._budget = LlmBudget(run, node, options.max_tokens)
        self._agent: AgentProfile | None = None

    async def text(self) -> str:
        """Return what the model writes.

        :raises ModelError: when no model has answered, or not to the end.
        :raises CostLimitExceeded: when the call could cost more than the node or the run may.
        :raises BudgetExceeded: when it could cost more than is left of the tenant's budget.
        """
        with self._run.open_calls.opened(self._name):
            answering = await self._answered(self._request(), await self._tool_loop())
        self._note_ending(answering)
        return answering.last_text

    async def value(self, output: TypedOutput[Any]) -> Any:
        """Return what the model writes as a value of a type; where it is none, the model is asked again.

        :raises ModelOutputInvalid: when the model has not written one by then.

        It raises what `text` raises, too.
        """
        with self._run.open_calls.opened(self._name):
            return await self._value(output)

    async def _value(self, output: TypedOutput[Any]) -> Any:
        request = self._request().model_copy(update={"response_schema": output.schema})
        loop = await self._tool_loop()
        problem = ""
        for _ in range(1 + MAX_CORRECTIONS):
            answering = await self._answered(request, loop)
            text = answering.last_text
            try:
                value = output.read(text)
            except UnfitOutput as unfit:
                problem = CUT_OFF if answering.ending == "truncated" else str(unfit)
                logger.info("llm_output_unfit", node=self._name, type=output.name, problem=problem)
            else:
                self._note_ending(answering)
                return value
            request = _corrected(answering.request, text, problem, output)
        raise ModelOutputInvalid(
            f'The model "{answering.model_name}" wrote no valid {output.name} in {1 + MAX_CORRECTIONS} '
            f"attempts: {problem}.",
            model=answering.model_name,
            problem=problem,
        )

    def _name_steps(self) -> str:
        """Return the prefix of its steps: the call's number, in a loop behind the round's line."""
        line = current_account() or self._node.name
        number = self._run.context.number_call(line)
        return f"{line.removeprefix(self._node.name)}.{number}".removeprefix(".")

    def _request(self) -> ModelRequest:
        options = self._options
        return ModelRequest.model_construct(  # all parts are checked by now
            question="",
            task="own",
            grounded=False,
            messages=self._messages,
            max_output_tokens=options.max_tokens,
            temperature=options.temperature,
        )

    async def _answered(self, request: ModelRequest, loop: ToolLoop) -> Answering:
        """Let a model answer, with its rounds of tools; what it spends is held until it is charged."""
        agent = await self._profile()
        models = self._models(agent)

        async def within_budget(request: ModelRequest) -> Sequence[Model]:
            return await self._budget.models(models, request)

        answering = Answering(
            request, within_budget, lambda chosen: self._chain(chosen, agent), loop, self._budget.left
        )
        try:
            for part in answering.rounds():
                async with aclosing(part) as chunks:
                    async for chunk in chunks:
                        if type(chunk) is TextDelta and not self._options.stream:
                            continue  # most chunks are: without a call for each
                        await self._pass_on(chunk)
        finally:
            self._budget.release()
            self._run.context.add_tool_results(self._node.name, loop.take_made())
        self._check(answering)
        return answering

    async def _profile(self) -> AgentProfile:
        if self._agent is None:
            request = self._run.context.request
            self._agent = await self._run.services.agents.get(request.agent_id, tenant_id=request.tenant_id)
        return self._agent

    def _models(self, agent: AgentProfile) -> Sequence[Model]:
        """Return the models of the run, without the composer of quotes, which only answers from passages."""
        services, request = self._run.services, self._run.context.request
        resolved = resolve_models(agent, self._options.model or request.model, services.models)
        models = [model for model in resolved if model is not services.models.last]
        if not models:
            raise ConfigurationError(
                f'The node "{self._name}" calls a model, but none is selected: set VITAL_MODEL, the model '
                f'of the agent "{agent.id}", or model="provider:name" in self.llm.'
            )
        if services.settings.unpriced == "refuse":
            check_prices(models, services.account)
        return models

    def _chain(self, models: Sequence[Model], agent: AgentProfile) -> Chain:
        services = self._run.services
        return Chain(
            models,
            services.breakers.of_tenant(self._run.context.request.tenant_id),
            services.account,
            agent.hedge_after_seconds,
            services.hedges,
            has_last_resort=False,
        )

    async def _tool_loop(self) -> ToolLoop:
        run, tools, request = self._run, self._options.tools, self._run.context.request
        if tools:
            await run.services.labels.admit(tuple((TOOL, tool.name) for tool in tools), now=run.services.now)
        agent = await self._profile()
        if tools:
            agent = agent.model_copy(update={"tools": tuple(tool.name for tool in tools)})
            run.context.note_tools({tool.name: tool.read_only for tool in tools})
        return ToolLoop(
            ToolRegistry(tools),
            agent,
            ToolContext(tenant_id=request.tenant_id, run_id=run.context.run_id),
            manual=request.mode.is_manual,
            known=tool_results_of(run.graph_run),
            hold=self._budget.hold,
        )

    async def _pass_on(self, chunk: Chunk) -> None:
        """Let the run's readers have a piece: tool calls always, text and reasoning where streamed."""
        if isinstance(chunk, Step):
            if self._options.tools:  # a call without them is one step, the node itself
                self._run.graph_run.step(self._node, Step(f"{self._steps}.{chunk.name}", chunk.status))
            return
        if isinstance(chunk, TextDelta | ReasoningDelta):
            is_shown = self._options.stream and (isinstance(chunk, TextDelta) or self._is_answering)
        else:
            is_shown = True
        if is_shown:
            await self._run.events.deliver(self._node, chunk, current_item.get())

    def _check(self, answering: Answering) -> None:
        """See that the answer is whole; what the run had to do without is on its record.

        :raises ModelError: when it is not.
        """
        if answering.broken is not None:
            raise answering.broken
        ending = answering.ending
        if ending not in ("whole", "truncated"):
            raise ModelHeldBack(
                f'The model "{answering.model_name}" ended its answer early: {ending}.',
                model=answering.model_name,
                reason=answering.held_back or "refused",
            )
        if answering.first_error is not None:
            self._run.graph_run.degrade(self._node, "llm_fallback", answering.first_error)
        if answering.loop_ended is not None:
            logger.info("llm_tool_loop_ended", node=self._name, reason=answering.loop_ended)

    def _note_ending(self, answering: Answering) -> None:
        """Note on the run's record that the answer it uses ends where its tokens did, unasked."""
        if answering.ending == "truncated" and self._options.max_tokens is None:
            self._run.graph_run.degrade(self._node, "truncated", _cut_short(answering.model_name))


def _conversation(prompt: LlmPrompt) -> tuple[LlmMessage, ...]:
    """Read a prompt.

    :raises InvalidRequest: when it is none, or empty.
    """
    if isinstance(prompt, str):
        messages: tuple[LlmMessage, ...] = (LlmMessage(role="user", content=prompt),)
    elif isinstance(prompt, Mapping | LlmMessage | Message):
        raise InvalidRequest("The prompt of self.llm is a single message: write a list, [message].")
    else:
        try:
            messages = tuple(map(_message, prompt))
        except TypeError as error:  # nothing that holds messages
            raise InvalidRequest(f"{_PROMPT}, and this is of the type {type(prompt).__name__}.") from error
        except ValidationError as error:
            wrong = WrongField.first(error)
            raise InvalidRequest(f"{_PROMPT}: {wrong.place or 'a message'}: {wrong.remark}.") from error
    if not any(message.content.strip() for message in messages):
        raise InvalidRequest("The prompt of self.llm is empty: write what the model is to do.")
    return messages


def _message(message: LlmMessage | Message | Mapping[str, str]) -> LlmMessage:
    if isinstance(message, LlmMessage):
        return message
    if isinstance(message, Message):
        return LlmMessage(role=message.role, content=message.content)
    return LlmMessage.model_validate(message)


def _corrected(request: ModelRequest, text: str, problem: str, output: TypedOutput[Any]) -> ModelRequest:
    """Return the request that asks again: with the answer, and what is wrong with it."""
    asked = (
        f"This is no valid {output.name}: {problem}. Write it again, as JSON alone, by this JSON schema: "
        f"{output.schema_text}"
    )
    corrections = (
        *request.corrections,
        LlmMessage(role="assistant", content=text),
        LlmMessage(role="user", content=asked),
    )
    return request.model_copy(update={"corrections": corrections, "may_call": False})


def _cut_short(model: str) -> ModelUnavailable:
    message = f'The answer of the model "{model}" is cut off at the most tokens that it may have.'
    return ModelUnavailable(message, model=model)
