"""Workflows and agents that clients of chat protocols select as models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from ai_engine.api.run_requests import answer, begin, follow, until_begun
from ai_engine.auth.caller import Caller
from ai_engine.chat_input import chat_input, chat_mode
from ai_engine.conversation import ChatMessage, Conversation, read_conversation
from ai_engine.engine import Engine
from ai_engine.gateway.model_names import AskedModels, find_models, missing_key
from ai_engine.gateway.translated import ClientProtocol
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.openai.names import is_agents
from ai_engine.protocols.openai.request import DEFAULT_TENANT, ChatRequest, check_wishes, workflow_input
from ai_engine.protocols.run_answer import RunAnswerWriter, answer_of_run
from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.workflow import Workflow

__all__ = ["answer_with_workflow", "asked_workflow", "behind_providers", "own_fields"]


def behind_providers(engine: Engine, body: Any) -> AskedModels | None:
    """Return the models that a request names; None: it names a workflow or an agent.

    :raises NotFound: when it names a model of a provider that has no key.
    """
    name = body.get("model") if isinstance(body, dict) else None
    if not isinstance(name, str) or engine.workflows.find(name) is not None or is_agents(name):
        return None
    models = engine.services.models
    found = find_models(name, models)
    if found is None and (key := missing_key(name, models)):
        raise NotFound(
            f'The model "{name[:200]}" needs a key: set {key} in the environment of the engine, or name '
            "another, such as mode-2/generalist; GET /v1/models lists all.",
            field="model",
        )
    return found


async def answer_with_workflow(
    http_request: Request,
    engine: Engine,
    asked: CanonicalRequest,
    messages: Sequence[ChatMessage],
    client: ClientProtocol,
    *,
    input_tokens: Callable[[], int] = lambda: 0,
) -> Response:
    """Answer the last message of a conversation by a run, in the client's protocol.

    :param input_tokens: estimates what was asked, for protocols whose streams begin with it.
    :raises VitalError: when there is no such workflow, or it has no answer.
    """
    conversation = read_conversation(messages)
    chat = ChatRequest(model=asked.model, messages=tuple(messages), user=asked.user or None)
    _check_wishes(asked, chat)
    workflow, question = asked_workflow(engine, chat, conversation, Caller.of(http_request).tenant_id)
    with own_fields():
        if not asked.stream:
            output = await answer(http_request, engine, workflow, question)
            answer_id = f"{client.id_prefix}{output.run_id}"
            whole = client.write_whole(answer_of_run(output), asked, answer_id)
            return Response(to_json(whole), media_type="application/json")
        run = await begin(http_request, engine, workflow, question)
        await until_begun(http_request, run)
    writer = client.writer(asked, f"{client.id_prefix}{run.run_id}", input_tokens())
    return follow(engine, run, write=RunAnswerWriter(writer))


def _check_wishes(asked: CanonicalRequest, chat: ChatRequest) -> None:
    wished = {
        "tools": asked.tools,
        "tool_choice": asked.tool_choice.kind,
        "response_format": None if asked.format is None else {"type": "json_schema"},
    }
    check_wishes(chat.model_copy(update=wished))


def asked_workflow(
    engine: Engine, asked: ChatRequest, conversation: Conversation, tenant_id: str | None
) -> tuple[Workflow[Any, Any], WorkflowInput]:
    """Return the workflow that a model stands for, and its input.

    :raises NotFound: when there is no such model.
    :raises InvalidRequest: when the workflow takes more than a conversation.
    """
    served = engine.workflows.find(asked.model)
    if served is None:
        return engine.workflows.default.workflow, workflow_input(asked, conversation, tenant_id)
    question = chat_input(
        served,
        conversation,
        chat_mode(served, conversation),
        tenant_id=tenant_id or DEFAULT_TENANT,
        user_id=asked.user_id,
    )
    return served.workflow, question


@contextmanager
def own_fields() -> Iterator[None]:
    """Name the field that the client has sent, where another of ours is made of it."""
    try:
        yield
    except InvalidRequest as error:
        if error.field in ("agent_id", "mode"):
            error.field = "model"
        raise
