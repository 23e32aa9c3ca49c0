"""The request of an AG-UI client, as far as it counts here."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ai_engine.chat_input import chat_input, chat_mode
from ai_engine.conversation import MAX_MESSAGES, ChatMessage, Conversation
from ai_engine.served_workflows import ServedWorkflow
from vital_shared.errors import InvalidRequest
from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.store.runs import RunRecord

__all__ = ["Chosen", "Decision", "RunAgentInput", "calls_of", "decision", "run_id_of", "workflow_input"]

DEFAULT_TENANT: Final = "default"
DEFAULT_USER: Final = "agui"
THREAD: Final = "agui_thread_id"
"""The key, in the metadata of a run, of the conversation that it belongs to."""


class Chosen(Frozen):
    """The workflow, the agent and the mode: parameters of the address, which a client is configured with."""

    workflow: str | None = None
    """None: the one that answers where none is named."""
    mode: WorkflowMode = Field(default=WorkflowMode.MODE_3, strict=False)
    agent_id: AgentId = "generalist"


class Decision(Frozen):
    """The answers to what a run has asked."""

    run_id: str
    approved: tuple[str, ...]
    """Ids of calls."""


class _AguiModel(BaseModel):
    """Fields in AG-UI's case; the others are left alone, and one that is null is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class ResumeEntry(_AguiModel):
    """The answer to an interrupt."""

    interrupt_id: str
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class RunAgentInput(_AguiModel):
    """A request of AG-UI 1.0, as far as it counts here.

    Its package's own model would refuse a whole conversation for one message of a kind that it does not know.
    """

    thread_id: str = Field(max_length=1_000)
    run_id: str = Field(max_length=1_000)
    messages: Annotated[tuple[ChatMessage, ...], Field(max_length=MAX_MESSAGES)] | None = None
    resume: Annotated[tuple[ResumeEntry, ...], Field(max_length=1_000)] | None = None


def workflow_input(
    asked: RunAgentInput,
    conversation: Conversation,
    chosen: Chosen,
    served: ServedWorkflow,
    tenant_id: str | None,
) -> WorkflowInput:
    """Make the question of a request; the client keeps the conversation.

    Left out are system messages and context (an agent has its own instructions), state, and the client's
    tools, which nothing here calls.

    :param served: the workflow.
    :param tenant_id: the caller's; None: that of requests without any.
    :raises InvalidRequest: when the workflow takes more than a conversation.
    """
    is_free = chosen.workflow is not None and "mode" not in chosen.model_fields_set
    return chat_input(
        served,
        conversation,
        chat_mode(served, conversation) if is_free else chosen.mode,
        tenant_id=tenant_id or DEFAULT_TENANT,
        user_id=DEFAULT_USER,
        agent_id=chosen.agent_id,
        metadata={THREAD: asked.thread_id},
    )


def run_id_of(asked: RunAgentInput) -> str:
    """Return the run that is answered: an interrupt's id is that of the run and that of the call.

    :raises InvalidRequest: when the answers are those of several runs.
    """
    runs = {entry.interrupt_id.partition("/")[0] for entry in asked.resume or ()}
    if len(runs) != 1:
        raise InvalidRequest("resume has to answer the interrupts of one run", field="resume")
    return runs.pop()


def decision(asked: RunAgentInput, record: RunRecord) -> Decision:
    """Read the answers to all that a run asks.

    :raises InvalidRequest: when an answer is missing, twice there, to something else or no answer.
    """
    if record.input.metadata.get(THREAD) != asked.thread_id:
        raise InvalidRequest(f"The run {record.id} belongs to another thread", field="threadId")
    entries = asked.resume or ()
    answered = [entry.interrupt_id.partition("/")[2] for entry in entries]
    open_calls = calls_of(record)
    if sorted(answered) != sorted(open_calls):
        raise InvalidRequest(
            "resume has to answer each interrupt of the run once: " + ", ".join(open_calls), field="resume"
        )
    approved = []
    for call, entry in zip(answered, entries, strict=True):
        if entry.status == "cancelled":
            continue
        answer = entry.payload.get("approved") if isinstance(entry.payload, dict) else entry.payload
        if not isinstance(answer, bool):
            raise InvalidRequest(
                'the payload of a resolved interrupt has to be {"approved": true} or {"approved": false}',
                field="resume",
            )
        if answer:
            approved.append(call)
    return Decision(run_id=record.id, approved=tuple(approved))


def calls_of(record: RunRecord) -> tuple[str, ...]:
    """Return the ids of the calls that a run asks approval for."""
    return tuple(call.id for call in record.output.suggested_tools) if record.output else ()
