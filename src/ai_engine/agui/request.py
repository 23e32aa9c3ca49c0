"""What a client of AG-UI sends, as far as it counts here."""

from __future__ import annotations

from typing import Any, Final

from ag_ui.core import AssistantMessage, RunAgentInput, TextPart, UserMessage
from pydantic import Field

from vital_shared.errors import InvalidRequest
from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.message import Message
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.store.runs import RunRecord

__all__ = ["Chosen", "Decision", "calls_of", "decision", "run_id_of", "workflow_input"]

DEFAULT_TENANT: Final = "default"
DEFAULT_USER: Final = "agui"
THREAD: Final = "agui_thread_id"
"""Where the metadata of a run tells the conversation that it belongs to."""


class Chosen(Frozen):
    """Who is asked, and how: parameters of the address, which is what such a client is configured with."""

    mode: WorkflowMode = Field(default=WorkflowMode.MODE_3, strict=False)
    agent_id: AgentId = "generalist"


class Decision(Frozen):
    """The answers to what a run has asked."""

    run_id: str
    approved: tuple[str, ...]
    """Ids of calls."""


def workflow_input(asked: RunAgentInput, chosen: Chosen, tenant_id: str | None) -> WorkflowInput:
    """Make the question of a request; the client keeps the conversation.

    Left out are system messages and context (an agent has its own instructions), state, and the client's
    tools, which nothing here calls.

    :param tenant_id: the caller's; None: that of all who name none.
    :raises InvalidRequest: when there is no question.
    """
    said = [(message, _text(message)) for message in asked.messages]
    heard = [
        Message(role="user" if isinstance(message, UserMessage) else "assistant", content=text)
        for message, text in said
        if text
    ]
    if not heard or heard[-1].role != "user":
        raise InvalidRequest("messages has to end with one of the user: the question", field="messages")
    fields: dict[str, Any] = {"messages": tuple(heard[:-1])} if chosen.mode.is_chat else {}
    return WorkflowInput.model_validate(
        {
            "query": heard[-1].content,
            "mode": chosen.mode,
            "tenant_id": tenant_id or DEFAULT_TENANT,
            "user_id": DEFAULT_USER,
            "agent_id": chosen.agent_id,
            "metadata": {THREAD: asked.thread_id},
            **fields,
        }
    )


def _text(message: object) -> str:
    """Return what somebody has said; empty, where it is neither the user nor the assistant."""
    if isinstance(message, AssistantMessage):
        return message.content or ""
    if not isinstance(message, UserMessage):
        return ""
    if isinstance(message.content, str):
        return message.content
    if not all(isinstance(part, TextPart) for part in message.content):
        raise InvalidRequest("messages may hold text only: no images, no files", field="messages")
    return "\n".join(part.text for part in message.content if isinstance(part, TextPart))


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
    entries = asked.resume or []
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
