"""Ask the cache for an answer, and give it one to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vital_shared.cache.cache import Cache
from vital_shared.cache.rules import CACHED_MODES, key_of, may_be_kept, may_be_shared
from vital_shared.llm.prompts.texts import ANSWER, CHAT, TOOLS
from vital_shared.models.agent import AgentProfile
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.workflows.preparing import workflow_name
from vital_shared.workflows.tool_loop import allowed

if TYPE_CHECKING:
    from vital_shared.workflows.base_workflow import BaseWorkflow

__all__ = ["Lookup", "look_up"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What has come of asking the cache."""

    cache: Cache
    status: CacheStatus
    key: str = ""
    knowledge: int = 0
    found: WorkflowOutput | None = None
    flight: str = ""
    """The key of what equal questions share at the same time; empty: nothing."""

    async def keep(self, output: WorkflowOutput, read_only: frozenset[str]) -> None:
        """Keep the answer of a run that has missed, where it may be kept."""
        if self.status == "miss" and may_be_kept(output, read_only, resumed=False):
            await self.cache.keep(self.key, output, self.knowledge)


async def look_up(workflow: BaseWorkflow, question: WorkflowInput, agent: AgentProfile) -> Lookup:
    """Ask the cache.

    :raises StoreError: when the version of the documents cannot be read.
    """
    services, cache = workflow.services, workflow.services.cache
    if not cache.is_on or question.mode not in CACHED_MODES:
        cache.pass_by(question.mode)
        return Lookup(cache, "bypass")
    versions = await services.epochs.current(question.tenant_id, question.mode, question.agent_id)
    knowledge = versions.knowledge
    key = key_of(
        question,
        agent,
        workflow=workflow_name(workflow),
        plan=workflow.plan.fingerprint,
        prompts=(ANSWER, CHAT, TOOLS),
        knowledge=knowledge,
        epoch=versions.epoch,
    )
    assert key is not None  # noqa: S101 - the mode was looked at
    found = await cache.find(key, question, knowledge)
    if found is not None:
        return Lookup(cache, "hit", key, knowledge, found)
    tools = (tool.name for tool in allowed(services.tools, agent))
    shared = may_be_shared(question, tuple(tools), services.tools.read_only)
    # With less money an answer may be another one.
    return Lookup(
        cache, "miss", key, knowledge, flight=f"{key} {question.max_cost_dollars}" if shared else ""
    )
