"""The input of a workflow, made of a conversation: for chat clients that name a workflow."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ai_engine.conversation import Conversation
from ai_engine.served_workflows import ServedWorkflow
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode

__all__ = ["chat_input", "chat_mode"]


def chat_mode(served: ServedWorkflow, conversation: Conversation) -> WorkflowMode:
    """Return the mode in which a workflow answers a conversation: one that calls tools at once, if it can.

    A first question is a single one, whose answer the cache may have.
    """
    single, chat = WorkflowMode.MODE_2, WorkflowMode.MODE_4
    preferred = (chat, single) if conversation.earlier else (single, chat)
    modes = served.workflow.modes
    return next(mode for mode in (*preferred, WorkflowMode.MODE_1, WorkflowMode.MODE_3) if mode in modes)


def chat_input(
    served: ServedWorkflow, conversation: Conversation, mode: WorkflowMode, **fields: Any
) -> WorkflowInput:
    """Make the input.

    :param fields: its other fields that are known.
    :raises InvalidRequest: when the workflow takes more than a conversation.
    """
    given = {"query": conversation.question, "mode": mode, **fields}
    if mode.is_chat:
        given["messages"] = conversation.earlier
    try:
        return served.input_type.model_validate(given)
    except ValidationError as error:
        places = (".".join(map(str, each["loc"])) or "input" for each in error.errors())
        wrong = ", ".join(dict.fromkeys(places))
        raise InvalidRequest(
            f'The workflow "{served.name}" takes more than a conversation ({wrong}): POST '
            f"/v1/workflows/{served.name}/runs takes its whole input.",
            field="model",
        ) from error
