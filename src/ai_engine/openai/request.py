"""What a client of OpenAI's chat completions sends, as far as it counts here (its API reference)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ai_engine.openai.names import read_name
from vital_shared.errors import InvalidRequest
from vital_shared.models.message import Message
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["ChatRequest", "workflow_input"]

MOST_MESSAGES: Final = 1_000
DEFAULT_TENANT: Final = "default"
DEFAULT_USER: Final = "openai"


class _Known(BaseModel):
    """Fields that we do not know are left alone: clients send many."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TextPart(_Known):
    """A part of a message."""

    type: Literal["text"]
    text: str


class ChatMessage(_Known):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | tuple[TextPart, ...] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or ())


class StreamOptions(_Known):
    """How to stream."""

    include_usage: bool = False


class ChatRequest(_Known):
    """A conversation whose last message is the question."""

    model: str
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    n: int | None = None
    tools: tuple[Any, ...] | None = None
    functions: tuple[Any, ...] | None = None
    response_format: dict[str, Any] | None = None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream shall end with what it took."""
        return self.stream_options is not None and self.stream_options.include_usage


def workflow_input(asked: ChatRequest, tenant_id: str | None) -> WorkflowInput:
    """Make the question of a request.

    What the client's system message says is left out: the agent has its own. So is what it would like of
    the model, such as a temperature.

    :param tenant_id: the caller's; None: that of all who name none.
    :raises NotFound: when the model can be none.
    :raises InvalidRequest: when it wants what there is not.
    """
    name = read_name(asked.model)
    _check(asked)
    said = [message for message in asked.messages if message.role in ("user", "assistant") and message.text]
    if not said or said[-1].role != "user":
        raise InvalidRequest("messages has to end with one of the user: the question", field="messages")
    earlier = tuple(
        Message(role="user" if message.role == "user" else "assistant", content=message.text)
        for message in said[:-1]
    )
    fields: dict[str, Any] = {"messages": earlier} if name.mode.is_chat else {}
    return WorkflowInput.model_validate(
        {
            "query": said[-1].text,
            "mode": name.mode,
            "tenant_id": tenant_id or DEFAULT_TENANT,
            "user_id": asked.user or DEFAULT_USER,
            "agent_id": name.agent_id,
            **fields,
        }
    )


def _check(asked: ChatRequest) -> None:
    if asked.n not in (None, 1):
        raise InvalidRequest("n has to be 1: there is one answer", field="n")
    for field in ("tools", "functions"):
        if getattr(asked, field):
            raise InvalidRequest(f"{field} are the agent's here: leave the field out", field=field)
    if asked.response_format is not None and asked.response_format.get("type") != "text":
        raise InvalidRequest("response_format has to be text: answers are not JSON", field="response_format")
