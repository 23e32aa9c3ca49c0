"""The request of a client of OpenAI's chat completions, as far as it counts here (its API reference)."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ai_engine.conversation import MAX_MESSAGES, ChatMessage, Conversation
from ai_engine.protocols.openai.names import read_name
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import Id, WorkflowInput

__all__ = ["DEFAULT_TENANT", "ChatRequest", "check_wishes", "user_of", "workflow_input"]

DEFAULT_TENANT: Final = "default"
DEFAULT_USER: Final = "openai"

_id: Final[TypeAdapter[str]] = TypeAdapter(Id)


class _OpenAIModel(BaseModel):
    """Fields that we do not know are left alone: clients send many."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class StreamOptions(_OpenAIModel):
    """Options of a stream."""

    include_usage: bool | None = None


class ChatRequest(_OpenAIModel):
    """A conversation whose last message is the question; a field that is null is left out."""

    model: str
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Any = None
    safety_identifier: Any = None
    """The `user` of newer clients."""
    n: int | None = None
    tools: tuple[Any, ...] | None = None
    tool_choice: Any = None
    functions: tuple[Any, ...] | None = None
    response_format: dict[str, Any] | None = None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream shall end with what it took."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def user_id(self) -> str:
        """The user as an id: text that can be none is represented by its hash."""
        return user_of(self.user if self.user is not None else self.safety_identifier)


def user_of(given: object) -> str:
    """Return the user that a request names as an id: text that can be none is represented by its hash."""
    text = str(given).strip() if isinstance(given, str | int) else ""
    if not text:
        return DEFAULT_USER
    try:
        return _id.validate_python(text)
    except ValidationError:
        return f"user-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def workflow_input(asked: ChatRequest, conversation: Conversation, tenant_id: str | None) -> WorkflowInput:
    """Make the question of a request.

    What the client's system message says is left out: the agent has its own. So is what it would like of
    the model, such as a temperature.

    :param conversation: the request's.
    :param tenant_id: the caller's; None: that of requests without any.
    :raises NotFound: when the model can be none.
    """
    name = read_name(asked.model)
    return WorkflowInput(
        query=conversation.question,
        mode=name.mode,
        tenant_id=tenant_id or DEFAULT_TENANT,
        user_id=asked.user_id,
        agent_id=name.agent_id,
        messages=conversation.earlier if name.mode.is_chat else None,
    )


def check_wishes(asked: ChatRequest) -> None:
    """See that a request wants only what there is.

    :raises InvalidRequest: when it does not.
    """
    if asked.n not in (None, 1):
        raise InvalidRequest("n has to be 1: there is one answer", field="n")
    for field in ("tools", "functions"):
        if getattr(asked, field) and asked.tool_choice != "none":
            raise InvalidRequest(f"{field} are the agent's here: leave the field out", field=field)
    if asked.response_format is not None and asked.response_format.get("type") not in (None, "text"):
        raise InvalidRequest("response_format has to be text: answers are not JSON", field="response_format")
