"""The request of an AG-UI client, as far as it counts here."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ai_engine.chat_input import chat_input, chat_mode
from ai_engine.conversation import MAX_MESSAGES, ChatMessage, Conversation
from ai_engine.protocols.agui.events import INPUT
from ai_engine.served_workflows import ServedWorkflow
from vital_shared.errors import InvalidRequest
from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.decision import MAX_REASON_CHARACTERS, Decision

__all__ = ["Chosen", "RunAgentInput", "calls_of", "decision", "run_id_of", "workflow_input"]

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


def decision(asked: RunAgentInput, record: RunRecord, key_id: str | None) -> Decision:
    """Read the answers to all that a run asks.

    :raises InvalidRequest: when an answer is missing, twice there, to something else or no answer.
    """
    if record.input.metadata.get(THREAD) != asked.thread_id:
        raise InvalidRequest(f"The run {record.id} belongs to another thread", field="threadId")
    entries = {entry.interrupt_id.partition("/")[2]: entry for entry in asked.resume or ()}
    waiting = [call.id for call in calls_of(record)]
    waiting += [f"{INPUT}{each.name}" for each in record.output.required_input] if record.output else []
    if sorted(entries) != sorted(waiting) or len(entries) != len(asked.resume or ()):
        raise InvalidRequest(
            "resume has to answer each interrupt of the run once: " + ", ".join(waiting), field="resume"
        )
    approvals = {name: _approval(entry) for name, entry in entries.items() if not name.startswith(INPUT)}
    inputs = {name: entry for name, entry in entries.items() if name.startswith(INPUT)}
    return Decision(
        approved=tuple(name for name, answer in approvals.items() if answer.approved),
        edited={
            name: answer.arguments
            for name, answer in approvals.items()
            if answer.approved and answer.arguments is not None
        },
        denied={name: answer.reason for name, answer in approvals.items() if not answer.approved},
        answers={name.removeprefix(INPUT): _input(name, entry) for name, entry in inputs.items()},
        key_id=key_id,
    )


class _Approval(BaseModel):
    """The payload of a tool call's interrupt."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    approved: bool
    arguments: dict[str, Any] | None = None
    reason: str = Field(default="", max_length=MAX_REASON_CHARACTERS)


_DENIAL: Final = _Approval(approved=False)


def _approval(entry: ResumeEntry) -> _Approval:
    if entry.status == "cancelled":
        return _DENIAL
    payload = {"approved": entry.payload} if isinstance(entry.payload, bool) else entry.payload
    try:
        return _Approval.model_validate(payload)
    except ValidationError as error:
        raise InvalidRequest(
            'the payload of a resolved interrupt has to be {"approved": true} or {"approved": false}, '
            'with "arguments" or a "reason" as you like',
            field="resume",
        ) from error


def _input(name: str, entry: ResumeEntry) -> Any:
    if entry.status == "cancelled":
        raise InvalidRequest(
            f"the interrupt {name} needs an answer, and was cancelled: answer it, or cancel the run",
            field="resume",
        )
    return entry.payload


def calls_of(record: RunRecord) -> tuple[ToolCall, ...]:
    """Return the calls that a run asks approval for."""
    return record.output.suggested_tools if record.output else ()
