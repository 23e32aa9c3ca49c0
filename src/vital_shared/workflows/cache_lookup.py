"""Look up answers in the cache, and store them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vital_shared.cache.cache import Cache
from vital_shared.cache.rules import CACHED_MODES, is_cacheable, is_coalescable, key_of, reason_not_kept
from vital_shared.deadline import current_deadline
from vital_shared.errors import NotFound, VitalError
from vital_shared.llm.prompts.texts import ANSWER, CHAT, TOOLS
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.workflows.services import Services
from vital_shared.workflows.tool_loop import allowed
from vital_shared.workflows.workflow_parts import WorkflowParts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Lookup", "Similar", "look_up"]

logger = get_logger(__name__)


class Similar(NamedTuple):
    """A question as the semantic tier knows it."""

    scope: str
    """The key of all that an answer depends on but the question."""
    vector: NDArray[np.float32]
    """The vector of the question."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The result of a cache lookup."""

    cache: Cache
    status: CacheStatus
    key: str = ""
    knowledge: int = 0
    found: WorkflowOutput | None = None
    flight: str = ""
    """The key of what equal questions share at the same time; empty: nothing."""
    similar: Similar | None = None
    """None: only equal questions get this answer."""
    has_response: bool = True
    """Whether there has to be a response for the answer to be kept."""
    reason: CacheReason = "not_found"
    """Reason of the status."""

    def reason_of(self, output: WorkflowOutput, read_only: frozenset[str]) -> CacheReason:
        """Return the reason of the decision, for an answer that was made since.

        :param read_only: the tools that change nothing.
        """
        if self.status != "miss":
            return self.reason
        return reason_not_kept(output, read_only, has_response=self.has_response) or self.reason

    async def keep(
        self,
        request: WorkflowInput,
        output: WorkflowOutput,
        read_only: frozenset[str],
        size: int | None = None,
    ) -> None:
        """Keep the answer of a run that has missed, where it may be kept.

        :param size: the size of the answer as JSON, where that is known.
        """
        if self.status == "miss" and is_cacheable(
            output, read_only, resumed=False, has_response=self.has_response
        ):
            await self.cache.keep(self.key, output, self.knowledge, size)
            if self.similar is not None:
                await self.cache.note_similar(self.similar.scope, self.key, request, self.similar.vector)


async def look_up(
    workflow: WorkflowParts,
    request: WorkflowInput,
    agent: AgentProfile | None,
    *,
    barrier: CacheReason | None = None,
) -> Lookup:
    """Ask the cache.

    :param barrier: the reason for which no answer that is there may be given; None: one may.
    :raises StoreError: when the version of the documents cannot be read.
    """
    services, cache = workflow.services, workflow.services.cache
    caching = workflow.traits.caching
    barrier = barrier or _barrier(cache, request) or caching.barrier_of(request)
    if barrier is not None:
        cache.count_bypass(request.mode)
        return Lookup(cache, "bypass", reason=barrier)
    versions = await services.epochs.current(request.tenant_id, request.mode, request.agent_id)
    knowledge = versions.knowledge
    profile = agent or await _agent_of_calls(services, request)

    def key_to(asked: WorkflowInput) -> str:
        agents = profile.model if profile else services.models.last.name
        key = key_of(
            asked,
            profile,
            model=asked.model or services.models.chosen(agents),
            workflow=workflow.name,
            plan=workflow.plan.fingerprint,
            version=caching.version,
            inputs=caching.values(request),
            prompts=(ANSWER, CHAT, TOOLS),
            knowledge=knowledge,
            epoch=versions.epoch,
        )
        assert key is not None  # noqa: S101 - the mode was looked at
        return key

    key, similar = key_to(request), None
    reason: CacheReason = "equal_question"
    found = await cache.find(key, request, knowledge)
    if found is None and agent and agent.similar_questions:
        vector = await _vector(services, request)
        if vector is not None:
            similar = Similar(key_to(request.model_copy(update={"query": ""})), vector)
            reason = "similar_question"
            found = await cache.find_similar(similar.scope, request, vector)
    if found is not None:
        return Lookup(cache, "hit", key, knowledge, found, reason=reason)
    tools = (tool.name for tool in (allowed(services.tools, agent) if agent else ()))
    shared = is_coalescable(request, tuple(tools), services.tools.read_only)
    # With less money or time an answer may be another one.
    flight = f"{key} {request.max_cost_dollars} {_allowed_seconds()}" if shared else ""
    return Lookup(
        cache,
        "miss",
        key,
        knowledge,
        flight=flight,
        similar=similar,
        has_response=workflow.traits.has_answer,
    )


def _barrier(cache: Cache, request: WorkflowInput) -> CacheReason | None:
    """Return the reason for which the cache answers no such request, whatever its workflow."""
    if request.mode not in CACHED_MODES:
        return "conversation"
    return None if cache.is_on else "cache_off"


async def _agent_of_calls(services: Services, request: WorkflowInput) -> AgentProfile | None:
    """Return the agent whose models the nodes of a workflow without one may ask; None: there is none."""
    try:
        return await services.agents.get(request.agent_id, tenant_id=request.tenant_id)
    except NotFound:
        return None  # a node that asked a model would fail, and nothing would be kept


def _allowed_seconds() -> float | None:
    """Return the time that the client has given the request; None: any."""
    deadline = current_deadline.get()
    return None if deadline is None else deadline.seconds


async def _vector(services: Services, request: WorkflowInput) -> NDArray[np.float32] | None:
    """Make the vector of a question; None: there is no model for it, and equal questions alone are found."""
    if services.phrase_embedder is None:
        return None
    try:
        vectors = await services.phrase_embedder.embed_passages([request.query])
    except VitalError as error:
        services.cache.count_bypass(request.mode, "semantic")
        logger.warning("semantic_tier_unavailable", reason=error.for_operators)
        return None
    vector: NDArray[np.float32] = vectors[0]
    return vector
