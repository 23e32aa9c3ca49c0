"""The interface of everything that can write an answer.

A model receives a `ModelRequest`, which is structured: each model builds its own prompt. It streams
`ModelEvent` values: text as it arrives, reasoning, complete tool calls, usage, and at the end exactly one
`Stop`. A failure is a `ModelError`.
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
"""``tools``: only ask for the tool calls that would help with the question; any text is discarded.
``own``: continue the caller's own conversation, which is sent unchanged."""

StopReason = Literal["end", "length", "tool_calls", "content_filter", "refusal", "recitation", "no_answer"]
"""``no_answer``: the passages contain no answer, and the text says so."""


class ToolDefinition(Frozen):
    """A tool that the model may ask to call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments."""


class ToolExchange(Frozen):
    """One round of a tool loop: the model's tool calls and their results."""

    turn: ModelTurn
    results: tuple[ToolResult, ...]
    """One result for each call of the turn, in the same order and with the same ids."""


class ModelRequest(Frozen):
    """Everything that a model may use for an answer.

    The sources that it may cite are numbered from 1: see `sources`.
    """

    question: str
    """The question; within a conversation, rewritten so that it can be understood on its own."""

    instructions: str = ""
    """The agent's system prompt."""

    passages: tuple[Passage, ...] = ()
    far_passages: tuple[Passage, ...] = ()
    """Passages of low relevance to the question, for models that have their own calibrated gate."""

    tool_results: tuple[ToolResult, ...] = ()
    history: tuple[Message, ...] = ()
    """The earlier messages, oldest first, without the question."""

    tools: tuple[ToolDefinition, ...] = ()
    exchanges: tuple[ToolExchange, ...] = ()
    """The rounds of this answer's tool loop so far, oldest first."""

    messages: tuple[LlmMessage, ...] = ()
    """The caller's own conversation: the whole prompt of the task ``own``."""

    corrections: tuple[LlmMessage, ...] = ()
    """Unusable answers, each with the reason; the prompt has them after the rounds of the tool loop."""

    may_call: bool = True
    """Whether the model may call the tools; False: they are listed because earlier rounds called them."""

    task: Task = "answer"
    is_relayed: bool = False
    """Whether the client reads the provider's own answer, so that an answer without text is valid, too."""

    grounded: bool = True
    """Whether the answer must be based on the sources; False if the user turned documents off."""

    response_schema: dict[str, Any] | None = None
    """JSON schema that the answer must follow, or None for text."""

    max_output_tokens: int | None = None
    temperature: float | None = None

    answer_from: float | None = None
    """The minimum probability at which a quoted answer is given; None: that of the calibration."""

    content: InstanceOf[CallContent] | None = Field(default=None, exclude=True, repr=False)
    """The record that receives the prompt as it is sent; None: the prompt is not stored."""

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
    """All text of this call so far was reasoning: a closing tag came without its opening tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """A piece of the model's reasoning."""

    text: str


class Cited(Frozen):
    """A citation whose number the text uses, from models that know the exact words they quote."""

    citation: Citation


class ModelToolCall(Frozen):
    """A complete tool call that the model requests."""

    id: str
    name: str
    arguments: dict[str, Any]
    problem: str | None = None
    """The reason why the call cannot be made, as a sentence; None: it can be made."""


class ModelTurn(Frozen):
    """The model's turn before it waits for its tools: the second-to-last event of a call that requests tools.

    It goes back to the provider with the results, in a `ToolExchange`.
    """

    text: str = ""
    calls: tuple[ModelToolCall, ...] = ()
    wire: str = ""
    """The wire that `native` belongs to; any other wire builds the turn from text and calls."""
    native: Any = None
    """The provider's own content as JSON, if more than text and calls must go back (signatures)."""


MAX_CALL_TOKENS: Final = 10_000_000
"""The largest plausible token count of one call; the longest contexts are a fifth of it."""

TokenCount = Annotated[int, Field(ge=0, le=MAX_CALL_TOKENS)]


class Usage(Frozen):
    """Token counts of one call as the provider reports them; a later event replaces an earlier one.

    Counts from providers go through `UsageReader`, which corrects impossible ones.
    """

    input_tokens: TokenCount = 0
    """All input tokens, cached or not."""
    cached_input_tokens: TokenCount = 0
    """The part of the input that was read from the provider's cache."""
    cache_write_tokens: TokenCount = 0
    """The part of the input that was written to the provider's cache."""
    output_tokens: TokenCount = 0
    """All output tokens, including reasoning."""
    reasoning_tokens: TokenCount = 0
    """The part of the output that was reasoning."""
    details: PriceDetails | None = None
    """Tokens with separate prices, and the pricing terms; None: there are none."""
    estimated: bool = False
    """True if the engine counted the tokens itself because the provider reported none."""
    provider_cost: Decimal | None = None
    """The cost of the call in dollars as the provider reports it, if it does."""
    raw: dict[str, Any] | None = None
    """The provider's usage object as received; None if there was none, or it was too large to store."""
    corrected: bool = False
    """True if a count of the provider was ignored, or clamped to the total that it is part of."""

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if self.cached_input_tokens + self.cache_write_tokens > self.input_tokens:
            raise ValueError("The cached tokens are more than the input of which they are part.")
        if self.reasoning_tokens > self.output_tokens:
            raise ValueError("The reasoning tokens are more than the output of which they are part.")
        return self


class CitationRemoved(Frozen):
    """The model cited a number that no source has; the text continues without it."""

    marker: str


class CallStarted(Frozen):
    """The call is sent; the first event of every model behind a provider."""

    prompt: str
    """Name and version of the prompt, such as ``answer@1``."""
    input_tokens: int = 0
    """Tokens of the prompt by the engine's own count, for calls whose provider never reports them; 0: not
    counted, and the model's own counts stand, a zero too."""
    max_output_tokens: int | None = None
    """The limit on output tokens that is sent to the provider; None: the provider's default."""
    parameters: CallParameters | None = None
    """The settings that are sent; None: unknown."""


class Stop(Frozen):
    """The last event."""

    reason: StopReason
    request_id: str | None = None
    """The provider's id of the call, from its response headers."""
    response_id: str | None = None
    """The id in the body of the response."""
    response_model: str | None = None
    """The model that answered, as the provider names it."""
    estimate: AnswerEstimate | None = None
    """The probability that the answer is right; None if the model gives no estimate."""


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
        """``provider:model``, or just the name of an embedded model."""
        ...

    @property
    def calls_tools(self) -> bool:
        """Whether the model can request tool calls."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Stream the answer.

        :raises ModelError: when there is no answer, or only part of one.
        """
        ...


class ProviderAnswer(NamedTuple):
    """A provider's response that is not a model's answer, such as an error."""

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
    """Whether the same call may succeed if it is retried shortly after."""

    kind: FailureKind = "bad_answer"

    was_shown = False
    """Whether part of the answer has already been passed on, so that no other model may answer instead."""

    answer: ProviderAnswer | None = None
    """The provider's own response, for clients that speak its protocol; None: there was none."""

    retry_after_seconds: float | None = None
    """Time after which the model may be asked again; None: not known."""

    has_begun = False
    """Whether a part of the answer came before it broke off, so that the provider charges for the call."""

    def __init__(
        self, message: str, *, model: str, request_id: str | None = None, kind: FailureKind | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.message = message
        self.model = model
        self.request_id = request_id


class ModelTimeout(ModelError):
    """Timeout for the connection, the first token or the next token.

    :param sent: whether the prompt was sent, so that the provider may charge for reading it.
    """

    retryable = True
    kind = "timeout"

    def __init__(self, message: str, *, model: str, request_id: str | None = None, sent: bool = True) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.sent = sent


class ModelUnavailable(ModelError):
    """The provider is down, overloaded or unreachable."""

    retryable = True
    kind = "server"


class ModelRateLimited(ModelError):
    """Too many calls.

    :param retry_after_seconds: seconds to wait as requested by the provider, or None.
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
    """The provider will not answer this call, however often it is retried: bad key, bad input, filter."""

    kind = "refused"


class ModelFailed(ModelError):
    """An unexpected exception ended the call: a malformed response, or a bug of the engine.

    Its ``__cause__`` is that exception.
    """


class ModelHeldBack(ModelRejected):
    """The whole answer is withheld: by the provider's filter, or as a refusal.

    :param reason: the cause.
    """

    def __init__(
        self, message: str, *, model: str, reason: HeldBackReason, request_id: str | None = None
    ) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.reason: HeldBackReason = reason
        self.withheld = ""
        """The text that the model had written, as far as it is known: it is charged."""


class ModelOutputInvalid(ModelError):
    """The output of a model does not match the requested type.

    :param problem: the problem of the last answer, as a sentence.
    """

    def __init__(self, message: str, *, model: str, problem: str) -> None:
        super().__init__(message, model=model)
        self.problem = problem
