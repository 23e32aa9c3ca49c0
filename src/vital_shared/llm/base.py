"""One small interface for everything that can write an answer.

A model gets a `ModelRequest` (structured: the prompt is the model's own affair) and streams
`ModelEvent` values: text as it comes, reasoning, whole tool calls, usage, and at the end exactly
one `Stop`. A failure is a `ModelError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Self

from pydantic import Field, InstanceOf, model_validator

from vital_shared.errors import VitalError
from vital_shared.llm.call_content import CallContent
from vital_shared.models.answer_estimate import AnswerEstimate
from vital_shared.models.base import Frozen
from vital_shared.models.call_parameters import CallParameters
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.message import LlmMessage, Message
from vital_shared.models.model_call import FailureKind
from vital_shared.models.price_details import PriceDetails
from vital_shared.models.quality import HeldBackReason
from vital_shared.models.tool import ToolResult

__all__ = [
    "MAX_CALL_TOKENS",
    "CallStarted",
    "CitationRemoved",
    "Cited",
    "Message",
    "Model",
    "ModelError",
    "ModelEvent",
    "ModelFailed",
    "ModelHeldBack",
    "ModelOutputInvalid",
    "ModelRateLimited",
    "ModelRejected",
    "ModelRequest",
    "ModelTimeout",
    "ModelToolCall",
    "ModelTurn",
    "ModelUnavailable",
    "ProviderAnswer",
    "ReasoningDelta",
    "Stop",
    "StopReason",
    "Task",
    "TextDelta",
    "TextWithdrawn",
    "ToolDefinition",
    "ToolExchange",
    "Usage",
]

Task = Literal["answer", "tools", "own"]
"""``tools``: only ask for the tool calls that would help with the question; what text comes is dropped.
``own``: go on with the caller's own conversation, which is sent as it is."""

StopReason = Literal["end", "length", "tool_calls", "content_filter", "refusal", "recitation", "no_answer"]
"""``no_answer``: the passages do not hold one, and the text says so."""


class ToolDefinition(Frozen):
    """A tool that the model may ask to call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments."""


class ToolExchange(Frozen):
    """One round of a tool loop: what the model asked for within this answer, and what it was given."""

    turn: ModelTurn
    results: tuple[ToolResult, ...]
    """One for each of the turn's calls, in their order; the ids are those of the calls."""


class ModelRequest(Frozen):
    """All that a model may use for an answer.

    What may be cited is numbered from 1: see `sources`.
    """

    question: str
    """Standing alone, also within a conversation."""

    instructions: str = ""
    """The agent's system prompt."""

    passages: tuple[Passage, ...] = ()
    far_passages: tuple[Passage, ...] = ()
    """Passages that hardly have to do with the question, for a model with a calibrated gate of its own."""

    tool_results: tuple[ToolResult, ...] = ()
    history: tuple[Message, ...] = ()
    """Oldest first, without the question."""

    tools: tuple[ToolDefinition, ...] = ()
    exchanges: tuple[ToolExchange, ...] = ()
    """The rounds so far of this answer's tool loop, oldest first."""

    messages: tuple[LlmMessage, ...] = ()
    """The caller's own conversation, the whole prompt of the task ``own``."""

    corrections: tuple[LlmMessage, ...] = ()
    """Answers that could not be used, each with the reason; they stand behind the rounds of the tool loop."""

    may_call: bool = True
    """Whether the model may call the tools; False: they are there only because earlier rounds called them."""

    task: Task = "answer"
    is_relayed: bool = False
    """Whether the client reads the provider's own answer, so that one without text is an answer, too."""

    grounded: bool = True
    """Whether the answer has to rest on the sources; False where the user asked for no documents."""

    response_schema: dict[str, Any] | None = None
    """JSON schema that the answer has to follow, or None for text."""

    max_output_tokens: int | None = None
    temperature: float | None = None

    answer_from: float | None = None
    """Probability from which on a quoted answer is given; None: that of the calibration."""

    content: InstanceOf[CallContent] | None = Field(default=None, exclude=True, repr=False)
    """The place of the prompt as it is sent; None: it is not stored."""

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The results of all tools, in order."""
        return (*self.tool_results, *(result for each in self.exchanges for result in each.results))

    @property
    def sources(self) -> tuple[Passage, ...]:
        """The sources to cite, in the order of their numbers: the passages, then those of each tool."""
        return (*self.passages, *(passage for result in self.results for passage in result.passages))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:  # not validated: one is made for each token, by code that has checked it
    """A piece of the answer."""

    text: str


class TextWithdrawn(Frozen):
    """All text of this call so far was reasoning, as shown by a closing tag without its opening one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """A piece of the model's reasoning."""

    text: str


class Cited(Frozen):
    """A citation whose number the text uses, from models that know the exact words that they quote."""

    citation: Citation


class ModelToolCall(Frozen):
    """A tool call that the model asks for, complete."""

    id: str
    name: str
    arguments: dict[str, Any]
    problem: str | None = None
    """The reason why the call cannot be made, in words; None: it can."""


class ModelTurn(Frozen):
    """The model's turn before it waits for its tools; the next-to-last event of a call that ends so.

    It goes back to the provider with the results, in `ToolExchange`.
    """

    text: str = ""
    calls: tuple[ModelToolCall, ...] = ()
    wire: str = ""
    """The wire of the native content below; another one writes the turn from text and calls."""
    native: Any = None
    """The provider's own content as JSON, where more than text and calls has to go back (signatures)."""


MAX_CALL_TOKENS: Final = 10_000_000
"""Highest count of tokens that is believed for one call; the longest contexts take a fifth of it."""

TokenCount = Annotated[int, Field(ge=0, le=MAX_CALL_TOKENS)]


class Usage(Frozen):
    """Tokens as the provider counted them, for one call; a later one replaces an earlier one.

    Counts from outside go through `UsageReader`, which makes them fit.
    """

    input_tokens: TokenCount = 0
    """All that was read, cached or not."""
    cached_input_tokens: TokenCount = 0
    """Part of the input that was read from the provider's cache."""
    cache_write_tokens: TokenCount = 0
    """Part of the input that was written to the provider's cache."""
    output_tokens: TokenCount = 0
    """All that was written, reasoning included."""
    reasoning_tokens: TokenCount = 0
    """Part of the output."""
    details: PriceDetails | None = None
    """Tokens with a price of their own, and the terms; None: there is nothing of that."""
    estimated: bool = False
    """True where we counted, because the provider did not say."""
    provider_cost: Decimal | None = None
    """The provider's own price of the call, in dollars, where it states one."""
    raw: dict[str, Any] | None = None
    """The provider's usage object as it came; None where there was none, or it was too large to keep."""
    corrected: bool = False
    """True where something that the provider counted was ignored, or clamped to its whole."""

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if self.cached_input_tokens + self.cache_write_tokens > self.input_tokens:
            raise ValueError("The cached tokens are more than the input of which they are part.")
        if self.reasoning_tokens > self.output_tokens:
            raise ValueError("The reasoning tokens are more than the output of which they are part.")
        return self


class CitationRemoved(Frozen):
    """The model cited a number that nothing has; the text goes on without it."""

    marker: str


class CallStarted(Frozen):
    """The call goes out; the first event of a model behind a provider."""

    prompt: str
    """Name and version of the prompt, such as ``answer@1``."""
    input_tokens: int = 0
    """Tokens of the prompt by our own count, for calls whose provider never reports them."""
    max_output_tokens: int | None = None
    """The limit of the answer that is sent to the provider; None: its own."""
    parameters: CallParameters | None = None
    """The settings that are sent; None: they are not known."""


class Stop(Frozen):
    """The last event."""

    reason: StopReason
    request_id: str | None = None
    """The provider's own id of the call, from the head of its response."""
    response_id: str | None = None
    """The id that stands in the answer itself."""
    response_model: str | None = None
    """The model that has answered, in the provider's words."""
    estimate: AnswerEstimate | None = None
    """The probability that the answer is right; None where the model gives no estimate."""


ModelEvent = (
    CallStarted
    | TextDelta
    | TextWithdrawn
    | ReasoningDelta
    | Cited
    | CitationRemoved
    | ModelToolCall
    | ModelTurn
    | Usage
    | Stop
)


class Model(Protocol):
    """Something that writes answers."""

    @property
    def name(self) -> str:
        """``provider:model``, or the bare name of an embedded one."""
        ...

    @property
    def calls_tools(self) -> bool:
        """Whether it can ask for tool calls."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, piece by piece.

        :raises ModelError: when there is no answer, or no whole one.
        """
        ...


class ProviderAnswer(NamedTuple):
    """A provider's response that is no answer of a model."""

    status: int
    body: bytes


class ModelError(VitalError):
    """A language model did not answer.

    :param message: one sentence.
    :param model: the model's name.
    :param request_id: the provider's own id of the call, for its support.
    :param kind: the name under which the failure is counted; None: that of the class.
    """

    retryable = False
    """Whether the same call may succeed a moment later."""

    kind: FailureKind = "bad_answer"

    was_shown = False
    """Whether a part of the answer has been passed on, so that no other model may give another."""

    answer: ProviderAnswer | None = None
    """The provider's own answer, for clients that speak its protocol; None: there was none."""

    def __init__(
        self, message: str, *, model: str, request_id: str | None = None, kind: FailureKind | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.message = message
        self.model = model
        self.request_id = request_id


class ModelTimeout(ModelError):
    """No connection, no first token or no next token in time.

    :param sent: whether the prompt went out, so that the provider may charge for reading it.
    """

    retryable = True
    kind = "timeout"

    def __init__(self, message: str, *, model: str, request_id: str | None = None, sent: bool = True) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.sent = sent


class ModelUnavailable(ModelError):
    """The provider is down, overloaded or out of reach."""

    retryable = True
    kind = "server"


class ModelRateLimited(ModelError):
    """Too many calls.

    :param retry_after_seconds: seconds that the provider asks to wait, or None.
    """

    retryable = True
    kind = "rate_limit"

    def __init__(
        self,
        message: str,
        *,
        model: str,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class ModelRejected(ModelError):
    """The provider will not answer this call however often it is made: bad key, bad input, filter."""

    kind = "refused"


class ModelFailed(ModelError):
    """An exception that no model is meant to raise ended the call: an odd answer, or a fault of ours.

    Its cause is that exception.
    """


class ModelHeldBack(ModelRejected):
    """There is an answer, of which nothing is given: the provider's filter, or a refusal.

    :param reason: the cause.
    """

    def __init__(
        self, message: str, *, model: str, reason: HeldBackReason, request_id: str | None = None
    ) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.reason: HeldBackReason = reason
        self.withheld = ""
        """The text that the model had written, as far as it is known here: it is charged."""


class ModelOutputInvalid(ModelError):
    """A model was asked for a value of a type, and wrote none.

    :param problem: the fault of the last answer, in words.
    """

    def __init__(self, message: str, *, model: str, problem: str) -> None:
        super().__init__(message, model=model)
        self.problem = problem
