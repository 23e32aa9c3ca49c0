"""The built-in workflow for questions, in all four modes; subclass it to add, replace or remove nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from typing import Final

from vital_shared.billing.run_context import RunContext, current_node_name, current_run_context, spent_so_far
from vital_shared.deadline import due_within, preparation_deadline, preparation_seconds
from vital_shared.errors import ConfigurationError, StoreError
from vital_shared.failure_log import FailureLog
from vital_shared.graph import Done, Outcome, Pause, Retry, Skip, fan_out, node
from vital_shared.graph.in_time import in_time
from vital_shared.llm.base import Model, ModelRequest
from vital_shared.llm.chain import Chain
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import Answer, Quality, Suggestion, ToolPlan, to_answer
from vital_shared.models.citation import Passage
from vital_shared.models.message import Message
from vital_shared.models.money import nanos_at_most
from vital_shared.models.result_type import ResultT
from vital_shared.models.tool import ToolCall, ToolRequest, ToolResult
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.monitoring.tracing import note_retrieval
from vital_shared.retrieval.base import Retrieved
from vital_shared.retrieval.fusion import CANDIDATES_PER_PASSAGE
from vital_shared.retrieval.tunings import answer_from_for
from vital_shared.tools.base import ToolContext
from vital_shared.tools.results import ResultBudget
from vital_shared.workflows.answering import Answering, Chunk
from vital_shared.workflows.approval import TOO_DEAR, denied_result, denied_results, plan_tools
from vital_shared.workflows.follow_up import standalone
from vital_shared.workflows.model_selection import remaining, resolve_models
from vital_shared.workflows.part_quality import note_quality_of_part
from vital_shared.workflows.quality import assess
from vital_shared.workflows.retrieving import answers_from_documents
from vital_shared.workflows.self_llm.built_in_budget import BuiltInBudget
from vital_shared.workflows.suggesting import suggest_by_model
from vital_shared.workflows.tool_loop import ToolLoop, allowed
from vital_shared.workflows.type_arguments import InputT
from vital_shared.workflows.workflow import Workflow

__all__ = ["BaseWorkflow"]

failures = FailureLog(get_logger(__name__))

STORE_SECONDS: Final = 5.0
SEARCH_SECONDS: Final = 5.0
"""Seconds after which a search continues without the sources that have not answered."""
MERGE_SECONDS: Final = 5.0
MAX_CONCURRENT_TOOLS: Final = 8
NO_PASSAGES: Final = Retrieved()
NO_TOOLS: Final = ToolPlan()


class BaseWorkflow(Workflow[InputT, ResultT], is_built_in=True):
    """Answer a question from documents and tools, with citations, in one of four modes.

    >>> class MyWorkflow(BaseWorkflow):
    ...     @node
    ...     async def shouted(self, answer: Answer) -> str:
    ...         return answer.text.upper()

    A subclass may declare types as with `Workflow`: ``BaseWorkflow[ContractInput, Contract]``.
    """

    @node(timeout=STORE_SECONDS, retry=Retry(on=(StoreError,), attempts=5))
    async def load_agent(self, agent_id: str, tenant_id: str) -> AgentProfile:
        """Read the agent that answers; a restart of the database at this moment does not fail the run."""
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
        """Read the conversation so far, in modes 3 and 4: from the request if it has one, or the store."""
        limit = self.services.settings.history_messages
        if messages is not None:
            return messages[-limit:] if limit else ()
        if not mode.is_chat or session_id is None:
            raise Skip
        return await self.services.conversations.history(session_id, tenant_id=tenant_id, limit=limit)

    @node
    async def question(self, query: str, history: tuple[Message, ...] = ()) -> str:
        """Rewrite the question so that it can be understood without the conversation."""
        return standalone(query, history)

    @node(when=lambda enable_rag: enable_rag, otherwise=())
    async def rag_sources(self, enable_rag: bool) -> tuple[str, ...]:
        """Return the names of the sources to search."""
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
        """Search all sources concurrently."""
        found = next(one for one in self.services.sources if one.name == source)
        limit = CANDIDATES_PER_PASSAGE * self.services.settings.passages
        note_retrieval(limit)
        search = partial(self.services.searches.ask, found, question, tenant_id=tenant_id, limit=limit)
        try:
            passages: tuple[Passage, ...] = await in_time(
                "rag_retrieval", preparation_seconds(SEARCH_SECONDS), search
            )
        except Exception as error:  # raised again: the run only says which source it had to do without
            failures.warn("source_failed", source, error, source=source, tenant_id=tenant_id)
            raise
        return passages

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
        """Merge the passages that the agent may use, best first."""
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
        """Suggest tool calls by keywords, and by meaning for tools with example questions."""
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
        """Let the model suggest tool calls, if it can; its suggestions precede those by keywords."""
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
        budget = self._budget(max_cost_dollars)
        try:
            races = load_agent.hedge_after_seconds is not None
            callers = await budget.models(callers, request, races=races)
            if not callers:
                raise Skip
            with due_within(preparation_deadline()):
                return await suggest_by_model(request, self._chain(callers, load_agent), self.services.tools)
        finally:
            budget.release()

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
        """Keep the calls that the agent may make, and separate those that the user must approve."""
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
        """Wait for the user if calls need approval."""
        if tool_plan.suggested:
            raise Pause(tool_plan.suggested)
        return tool_plan.approved

    @fan_out("call", over="approved_tools", limit=MAX_CONCURRENT_TOOLS, degradation="tools_failed")
    async def tools(self, call: ToolCall, tenant_id: str, run_id: str) -> ToolResult:
        """Make the tool calls concurrently; each has its own timeout, and may fail alone.

        A call is not made if other nodes have meanwhile spent, or reserved, the money for it.
        """
        budget = self._budget(None)  # the limit of the run
        if not budget.hold_price(nanos_at_most(call.cost_dollars)):
            return denied_result(call, TOO_DEAR)
        try:
            return await self.services.tools.run(call, ToolContext(tenant_id=tenant_id, run_id=run_id))
        finally:
            budget.release()

    @node(when=lambda tool_plan, tools: tools or tool_plan is not NO_TOOLS, otherwise=())
    async def tool_results(
        self,
        tool_plan: ToolPlan,
        approved_tools: tuple[ToolCall, ...],
        tools: tuple[Outcome[ToolResult], ...],
    ) -> tuple[ToolResult, ...]:
        """Combine the results of the tools with the calls that were not made."""
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
        """Stream the answer, token by token, from the passages and the tool results."""
        services = self.services
        request = ModelRequest(
            question=question,
            instructions=load_agent.system_prompt,
            passages=passages.passages if passages.answerable else (),
            far_passages=() if passages.answerable else passages.passages,
            tool_results=tool_results,
            history=history,
            grounded=input.enable_rag,
            answer_from=await answer_from_for(question, passages.tuning),
        )
        models = resolve_models(load_agent, input.model, services.models)
        budget = self._budget(input.max_cost_dollars)
        races = load_agent.hedge_after_seconds is not None

        async def within_limit(request: ModelRequest) -> Sequence[Model]:
            return (*await budget.models(models[:-1], request, races=races), models[-1])

        answering = Answering(
            request,
            within_limit,
            lambda chosen: self._chain(chosen, load_agent),
            ToolLoop(
                services.tools,
                load_agent if input.enable_tools else None,
                ToolContext(tenant_id=input.tenant_id, run_id=run_id),
                manual=input.mode.is_manual,
                known=tool_results,
                hold=budget.hold,
            ),
            budget.left,
        )
        try:
            for part in answering.rounds():
                async with aclosing(part) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            budget.release()
        yield Done(answering.answer())

    @node(optional=True, degradation="quality_failed")
    async def quality(
        self,
        answer: Answer | str,
        tool_results: tuple[ToolResult, ...],
        enable_rag: bool,
        passages: Retrieved = NO_PASSAGES,
        model_suggestion: Suggestion | None = None,
    ) -> Quality:
        """Check the answer against its sources."""
        answer = to_answer(answer)
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
        note_quality_of_part(self.plan, answer, quality)
        return quality

    def _budget(self, limit: Decimal | None) -> BuiltInBudget:
        return BuiltInBudget(self.services, _run_context(), current_node_name(), limit)

    def _chain(self, models: Sequence[Model], agent: AgentProfile) -> Chain:
        services = self.services
        breakers = services.breakers.of_tenant(_run_context().request.tenant_id)
        return Chain(models, breakers, services.account, agent.hedge_after_seconds, services.hedges)


def _run_context() -> RunContext:
    context = current_run_context.get()
    if context is None:
        raise ConfigurationError("The nodes of BaseWorkflow run in a run: call execute_typed.")
    return context
