"""The workflow that answers, in all four modes; subclass it to add, replace or drop nodes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Final, Self

from vital_shared.billing.run_context import spent_so_far
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Done, Graph, Outcome, Pause, Retry, Skip, fan_out, node
from vital_shared.llm.base import Model, ModelRequest
from vital_shared.llm.chain import Chain
from vital_shared.llm.hedged_call import MAX_CONCURRENT_ATTEMPTS
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import Answer, Quality, Suggestion, ToolPlan
from vital_shared.models.citation import Passage
from vital_shared.models.event import Event
from vital_shared.models.message import Message
from vital_shared.models.tool import ToolCall, ToolRequest, ToolResult
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.retrieval.base import Retrieved, ask
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.tools.base import ToolContext
from vital_shared.tools.results import ResultBudget
from vital_shared.workflows import begin as beginning
from vital_shared.workflows.answering import Answering, Chunk
from vital_shared.workflows.approval import denied_results, plan_tools
from vital_shared.workflows.caching import Caching, caching_of
from vital_shared.workflows.follow_up import standalone
from vital_shared.workflows.loop_services import current_services, loop_services
from vital_shared.workflows.model_selection import affordable, remaining, resolve_models
from vital_shared.workflows.own_nodes import own_values
from vital_shared.workflows.quality import assess
from vital_shared.workflows.retrieving import answers_from_documents
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import unstreamed
from vital_shared.workflows.services import Services
from vital_shared.workflows.suggesting import suggest_by_model
from vital_shared.workflows.tool_loop import ToolLoop, allowed
from vital_shared.workflows.workflow_parts import WorkflowParts

__all__ = ["BaseWorkflow"]

STORE_SECONDS: Final = 5.0
SEARCH_SECONDS: Final = 5.0
"""Seconds after which a search does without the sources that have not answered."""
MERGE_SECONDS: Final = 5.0
MAX_CONCURRENT_TOOLS: Final = 8
NO_PASSAGES: Final = Retrieved()
NO_TOOLS: Final = ToolPlan()


class BaseWorkflow(Graph, methods=("begin", "execute_stream", "execute_typed")):
    """Answer a question from documents and tools, with citations, in one of four modes.

    >>> class MyWorkflow(BaseWorkflow):
    ...     @node
    ...     async def shouted(self, answer: Answer) -> str:
    ...         return answer.text.upper()

    :param services: the services to use; None: the default ones of the running event loop, opened on first
        use and closed by `aclose`, or with the loop. One object then serves any number of event loops, one
        after another or in several threads at once.
    """

    inputs = ("input", "run_id", *WorkflowInput.model_fields)
    """Nodes may read the whole input, each of its fields, and the run's id."""

    modes: ClassVar[frozenset[WorkflowMode]] = frozenset(WorkflowMode)
    """The modes that the workflow serves; a subclass may restrict them."""

    cacheable: ClassVar[bool] = True
    """Whether an answer may be given again to an equal request; False where it depends on anything but the
    request, the documents and what nodes are made of, such as the time or another system."""

    cache_version: ClassVar[str] = ""
    """A part of the cache's key: change it when nodes answer otherwise than before."""

    def __init__(self, services: Services | None = None) -> None:
        self._services = services

    @property
    def services(self) -> Services:
        """The services of the workflow, in this event loop; available once a run has begun."""
        if (given := self._given) is not None:
            return given
        try:
            services = loop_services().opened
        except RuntimeError:  # a node in a thread: no event loop runs there
            services = current_services.get()
        if services is None:
            raise RuntimeError("services are opened with the first run: await it, or pass services")
        return services

    @property
    def _given(self) -> Services | None:
        try:
            return self._services
        except AttributeError:
            name = type(self).__name__
            raise ConfigurationError(
                f"{name}.__init__ does not call super().__init__(services): make that its first line."
            ) from None

    async def aclose(self) -> None:
        """Close this event loop's default services, if no other workflow uses them; it may be used again."""
        if self._given is None:
            await loop_services().release(self)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _open(self) -> None:
        if self._given is None:
            await loop_services().acquire(self)

    async def _parts(self) -> WorkflowParts:
        """Return what a run needs, its services opened."""
        await self._open()
        caching, values = _traits(type(self))  # type: ignore[arg-type]  # mypy takes a class for unhashable
        return WorkflowParts(self, self.plan, self.services, self.modes, caching, values)

    # Running it

    async def begin(self, input: WorkflowInput, key: IdempotencyKey | None = None) -> RunHandle:  # noqa: A002 - the seed's name
        """Check a request, and prepare its run or find its answer, for `events` to stream; for servers.

        :param key: with one it is always a run of its own, and stored with the key; where that has begun
            a run before, `events` raises `KeyTaken`.
        :raises InvalidRequest: when the input asks for what is not there; nothing has run then.
        """
        if not isinstance(input, WorkflowInput):
            raise InvalidRequest(
                f"The input of {type(self).__name__} is a {type(input).__name__}: give it a "
                "WorkflowInput(query=…, mode=…, tenant_id=…, user_id=…).",
                field="input",
            )
        return await beginning.begin(await self._parts(), input, key)

    async def begin_resumed(
        self,
        run_id: str,
        approved: Collection[str] = (),
        *,
        tenant_id: str | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> RunHandle:
        """Take a paused run, which its `events` run on; for servers. Raises what `resume` raises."""
        return await beginning.resume(await self._parts(), run_id, approved, tenant_id, answers or {})

    async def execute_typed(self, input: WorkflowInput) -> WorkflowOutput:  # noqa: A002 - the seed's name
        """Answer, or pause for the user's approval.

        :raises InvalidRequest: when the input asks for what is not there; nothing has run then.
        :raises RunFailed: when there is no answer; its cause is what the node raised.
        """
        with unstreamed():
            return await (await self.begin(input)).answer()

    async def execute_stream(self, input: WorkflowInput) -> AsyncGenerator[Event, None]:  # noqa: A002 - the same
        """Answer, event by event; the last one is `run_finished`, `run_paused` or `run_failed`.

        Leaving the loop early (and closing the iterator) cancels the run.

        :raises InvalidRequest: before the first event, when the input asks for what is not there.
        """
        execution = await self.begin(input)
        async with aclosing(execution.events()) as events:
            async for event in events:
                yield event

    async def resume(
        self,
        run_id: str,
        approved: Collection[str] = (),
        *,
        tenant_id: str | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> WorkflowOutput:
        """Go on with a paused run, making the suggested tool calls that are approved, and no others.

        :param approved: ids of suggested calls; none denies them all.
        :param tenant_id: restrict to runs of this tenant; None for every tenant.
        :param answers: the values of a subclass's own pausing nodes.
        :raises NotFound: when there is no such run.
        :raises InvalidRequest: when an id was not suggested.
        :raises Conflict: when it was resumed, has ended or expired, or the workflow has changed.
        :raises RunFailed: when there is no answer.
        """
        with unstreamed():
            run = await self.begin_resumed(run_id, approved, tenant_id=tenant_id, answers=answers)
            return await run.answer()

    async def resume_stream(
        self,
        run_id: str,
        approved: Collection[str] = (),
        *,
        tenant_id: str | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Go on like `resume`, event by event; the numbers go on from where the run had paused."""
        execution = await self.begin_resumed(run_id, approved, tenant_id=tenant_id, answers=answers)
        async with aclosing(execution.events()) as events:
            async for event in events:
                yield event

    # The graph

    @node(timeout=STORE_SECONDS)
    async def load_agent(self, agent_id: str, tenant_id: str) -> AgentProfile:
        """Read who answers."""
        return await self.services.agents.get(agent_id, tenant_id=tenant_id)

    @node(
        optional=True,
        timeout=STORE_SECONDS,
        degradation="history_failed",
        when=lambda session_id, messages: session_id is not None or messages is not None,
    )
    async def history(
        self,
        mode: WorkflowMode,
        session_id: str | None,
        tenant_id: str,
        messages: tuple[Message, ...] | None,
    ) -> tuple[Message, ...]:
        """Read the conversation so far, in modes 3 and 4; where the caller keeps it, take it from him."""
        limit = self.services.settings.history_messages
        if messages is not None:
            return messages[-limit:] if limit else ()
        if not mode.is_chat or session_id is None:
            raise Skip
        return await self.services.conversations.history(session_id, tenant_id=tenant_id, limit=limit)

    @node
    async def question(self, query: str, history: tuple[Message, ...] = ()) -> str:
        """Make the question stand alone."""
        return standalone(query, history)

    @node(when=lambda enable_rag: enable_rag, otherwise=())
    async def rag_sources(self, enable_rag: bool) -> tuple[str, ...]:
        """Name the sources to ask."""
        return tuple(source.name for source in self.services.sources) if enable_rag else ()

    @fan_out(
        "source",
        over="rag_sources",
        deadline=SEARCH_SECONDS,
        retry=Retry(on=(ConnectionError,), attempts=2),
        degradation="rag_failed",
        on_timeout="rag_timeout",
    )
    async def rag_retrieval(self, source: str, question: str, tenant_id: str) -> tuple[Passage, ...]:
        """Ask all sources at the same time."""
        found = next(one for one in self.services.sources if one.name == source)
        return await ask(found, question, tenant_id=tenant_id, limit=4 * self.services.settings.passages)

    @node(
        optional=True,
        timeout=MERGE_SECONDS,
        degradation="rag_failed",
        on_timeout="rag_timeout",
        when=lambda rag_sources: rag_sources,
    )
    async def passages(
        self,
        question: str,
        rag_sources: tuple[str, ...],
        rag_retrieval: tuple[Outcome[tuple[Passage, ...]], ...],
        load_agent: AgentProfile,
        tenant_id: str,
    ) -> Retrieved:
        """Merge what the sources have found that the agent may use, the best first."""
        allowed = rag_sources if load_agent.sources is None else load_agent.sources
        found = {
            name: outcome.value or ()
            for name, outcome in zip(rag_sources, rag_retrieval, strict=True)
            if name in allowed
        }
        if not found:
            raise Skip
        return await self.services.fusion.merge(
            question, found, limit=self.services.settings.passages, tenant_id=tenant_id
        )

    @node(optional=True, degradation="suggestion_failed", when=lambda enable_tools: enable_tools)
    async def tool_suggestion(self, query: str, enable_tools: bool) -> tuple[ToolCall, ...]:
        """Suggest tool calls by keywords, and by meaning those tools that declare it."""
        if not enable_tools:
            raise Skip
        return await self.services.suggester.suggest(query)

    @node(optional=True, degradation="suggestion_failed", when=lambda enable_tools: enable_tools)
    async def model_suggestion(
        self,
        question: str,
        model: str | None,
        enable_tools: bool,
        max_cost_dollars: Decimal | None,
        load_agent: AgentProfile,
        history: tuple[Message, ...] = (),
    ) -> Suggestion:
        """Let the model suggest tool calls, where it can; its suggestion goes before the keywords'."""
        tools = allowed(self.services.tools, load_agent) if enable_tools else ()
        models = resolve_models(load_agent, model, self.services.models)
        callers = tuple(each for each in models if each.calls_tools)
        if not tools or not models[0].calls_tools:
            raise Skip
        request = ModelRequest(
            question=question,
            instructions=load_agent.system_prompt,
            history=history,
            tools=tuple(tool.definition for tool in tools),
            task="tools",
        )
        callers = await self._affordable(callers, request, load_agent, max_cost_dollars)
        if not callers:
            raise Skip
        return await suggest_by_model(request, self._chain(callers, load_agent), self.services.tools)

    @node(
        when=lambda requested_tools, tool_suggestion, model_suggestion: (
            requested_tools or tool_suggestion or model_suggestion
        ),
        otherwise=NO_TOOLS,
    )
    async def tool_plan(
        self,
        mode: WorkflowMode,
        query: str,
        requested_tools: tuple[ToolRequest, ...],
        max_cost_dollars: Decimal | None,
        load_agent: AgentProfile,
        tool_suggestion: tuple[ToolCall, ...] = (),
        model_suggestion: Suggestion | None = None,
    ) -> ToolPlan:
        """Keep what the agent may use, and sort out what the user has to approve."""
        spent = spent_so_far()
        by_model = model_suggestion if model_suggestion and model_suggestion.error is None else None
        return plan_tools(
            mode=mode,
            agent=load_agent,
            requests=requested_tools,
            suggestions=by_model.calls if by_model else tool_suggestion,
            question=query,
            tools=self.services.tools,
            max_cost_dollars=remaining(max_cost_dollars, spent),
        )

    @node(pauses=True, when=lambda tool_plan: tool_plan.suggested or tool_plan.approved, otherwise=())
    async def approved_tools(self, tool_plan: ToolPlan) -> tuple[ToolCall, ...]:
        """Wait for the user, where calls need approval."""
        if tool_plan.suggested:
            raise Pause(tool_plan.suggested)
        return tool_plan.approved

    @fan_out("call", over="approved_tools", limit=MAX_CONCURRENT_TOOLS, degradation="tools_failed")
    async def tools(self, call: ToolCall, tenant_id: str, run_id: str) -> ToolResult:
        """Make the tool calls at the same time, each with its own timeout and failure."""
        return await self.services.tools.run(call, ToolContext(tenant_id=tenant_id, run_id=run_id))

    @node(when=lambda tool_plan, tools: tools or tool_plan is not NO_TOOLS, otherwise=())
    async def tool_results(
        self,
        tool_plan: ToolPlan,
        approved_tools: tuple[ToolCall, ...],
        tools: tuple[Outcome[ToolResult], ...],
    ) -> tuple[ToolResult, ...]:
        """Put together what the tools gave, and which were not run."""
        budget = ResultBudget()
        made = tuple(budget.take(outcome.value) for outcome in tools if outcome.value is not None)
        return made + denied_results(tool_plan, approved_tools)

    @node
    async def answer(
        self,
        question: str,
        input: WorkflowInput,  # noqa: A002 - the seed's name
        run_id: str,
        load_agent: AgentProfile,
        tool_results: tuple[ToolResult, ...],
        passages: Retrieved = NO_PASSAGES,
        history: tuple[Message, ...] = (),
    ) -> AsyncIterator[Chunk | Done[Answer]]:
        """Write the answer, token by token, from the passages and the tool results."""
        services = self.services
        request = ModelRequest(
            question=question,
            instructions=load_agent.system_prompt,
            passages=passages.passages if passages.answerable else (),
            tool_results=tool_results,
            history=history,
            grounded=input.enable_rag,
            answer_from=passages.tuning.answer_from,
        )
        models = resolve_models(load_agent, input.model, services.models)
        spent = spent_so_far()
        limit = input.max_cost_dollars

        async def within_limit(request: ModelRequest, dollars: Decimal) -> Sequence[Model]:
            left = remaining(limit, spent + dollars)
            return (*await self._affordable(models[:-1], request, load_agent, left), models[-1])

        answering = Answering(
            request,
            within_limit,
            lambda chosen: self._chain(chosen, load_agent),
            ToolLoop(
                services.tools,
                load_agent if input.enable_tools else load_agent.model_copy(update={"tools": ()}),
                ToolContext(tenant_id=input.tenant_id, run_id=run_id),
                manual=input.mode.is_manual,
                known=tool_results,
            ),
            dollars=remaining(limit, spent),
        )
        for part in answering.rounds():
            async with aclosing(part) as chunks:
                async for chunk in chunks:
                    yield chunk
        yield Done(answering.answer())

    @node(optional=True, degradation="quality_failed")
    async def quality(
        self,
        answer: Answer,
        tool_results: tuple[ToolResult, ...],
        enable_rag: bool,
        passages: Retrieved = NO_PASSAGES,
        model_suggestion: Suggestion | None = None,
    ) -> Quality:
        """Check the answer against its sources."""
        results = (*tool_results, *answer.tool_results)
        uses_rag = enable_rag and answers_from_documents(self.plan)
        retrieved = passages.passages if uses_rag else ()
        found = (*retrieved, *(passage for result in results for passage in result.passages))
        services = self.services
        quality = await assess(
            answer, found, results, services.reranker, services.entailment, uses_rag=uses_rag
        )
        if model_suggestion is not None and model_suggestion.error is not None:
            quality = quality.model_copy(update={"reasons": (*quality.reasons, "suggestion_failed")})
        return quality

    async def _affordable(
        self, models: Sequence[Model], request: ModelRequest, agent: AgentProfile, dollars: Decimal | None
    ) -> tuple[Model, ...]:
        services = self.services
        if dollars is not None and agent.hedge_after_seconds is not None:
            dollars /= MAX_CONCURRENT_ATTEMPTS  # each of those that race has its share
        return await affordable(models, request, services.account, services.models, dollars)

    def _chain(self, models: Sequence[Model], agent: AgentProfile) -> Chain:
        services = self.services
        return Chain(models, services.breakers, services.account, agent.hedge_after_seconds)


@cache
def _traits(workflow: type[BaseWorkflow]) -> tuple[Caching, tuple[str, ...]]:
    caching = caching_of(
        workflow.plan,
        BaseWorkflow.plan,
        is_cacheable=workflow.cacheable,
        version=workflow.cache_version,
    )
    return caching, own_values(workflow.plan, BaseWorkflow.plan)
