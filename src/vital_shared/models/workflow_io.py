"""The input and the output of a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
    model_validator,
)

from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.citation import Citation
from vital_shared.models.lenient import Lenient
from vital_shared.models.lone_surrogate import Whole
from vital_shared.models.message import Message
from vital_shared.models.model_call import ModelCall, Tokens
from vital_shared.models.node_timing import NodeTiming
from vital_shared.models.quality import (
    AnswerEnding,
    AnswerWarning,
    DegradationReason,
    UnsupportedSentence,
)
from vital_shared.models.required_input import RequiredInput
from vital_shared.models.result_type import FinalResult, ResultT
from vital_shared.models.run_steps import NodeFailure
from vital_shared.models.tool import ToolCall, ToolRequest, ToolResult

__all__ = [
    "MAX_MODEL_CHARACTERS",
    "MAX_QUERY_CHARACTERS",
    "CacheStatus",
    "Cost",
    "Execution",
    "NodeTiming",
    "Timings",
    "Tokens",
    "WorkflowInput",
    "WorkflowMode",
    "WorkflowOutput",
]

Execution = Literal["parallel", "sequential"]
CacheStatus = Literal["hit", "miss", "bypass"]


MAX_MODEL_CHARACTERS: Final = 200
MAX_QUERY_CHARACTERS: Final = 10_000


class WorkflowMode(str, Enum):
    """Research or chat, each with tool calls approved by the user or run automatically.

    The values are also the metrics' label values.
    """

    MODE_1 = "1"
    """Single question; the user approves tool calls."""
    MODE_2 = "2"
    """Single question; tools run at once."""
    MODE_3 = "3"
    """Conversation; the user approves tool calls."""
    MODE_4 = "4"
    """Conversation; tools run at once."""

    @property
    def is_chat(self) -> bool:
        """Whether the run carries a conversation."""
        return self in (WorkflowMode.MODE_3, WorkflowMode.MODE_4)

    @property
    def is_manual(self) -> bool:
        """Whether the user approves tool calls."""
        return self in (WorkflowMode.MODE_1, WorkflowMode.MODE_3)


def _to_mode(value: object) -> object:
    """Take ``1``, ``"1"`` and ``WorkflowMode.MODE_1``, which strict validation would not."""
    if isinstance(value, bool | WorkflowMode) or not isinstance(value, int | str):
        return value
    try:
        return WorkflowMode(str(value))
    except ValueError:
        raise ValueError('must be one of "1", "2", "3" and "4"') from None


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank; ask a question")
    return value


def _to_request(value: object) -> object:
    """Take the bare name of a tool for a request without arguments."""
    return {"name": value} if isinstance(value, str) else value


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$")]
"""1 to 128 letters, digits and ``_ . : @ -``."""


if TYPE_CHECKING:
    ModeField = Lenient[WorkflowMode, WorkflowMode | str | int]
    RequestedToolsField = Lenient[tuple[ToolRequest, ...], Sequence[ToolRequest | str | Mapping[str, Any]]]
else:
    ModeField = Annotated[WorkflowMode, BeforeValidator(_to_mode)]
    RequestedToolsField = tuple[Annotated[ToolRequest, BeforeValidator(_to_request)], ...]


class WorkflowInput(Frozen):
    """A request: a question, its tenant and user, and how it is to be answered."""

    query: Annotated[
        str,
        Field(max_length=MAX_QUERY_CHARACTERS, json_schema_extra={"minLength": 1}),
        AfterValidator(_not_blank),
    ]
    mode: ModeField
    tenant_id: Id
    user_id: Id
    session_id: Id | None = None
    """The conversation that the question continues; modes 3 and 4 only. None starts a new one."""

    messages: tuple[Message, ...] | None = Field(default=None, max_length=1_000, strict=False)
    """The conversation so far, if the caller keeps it; modes 3 and 4 only."""

    agent_id: AgentId = "generalist"
    model: str | None = Field(default=None, min_length=1, max_length=MAX_MODEL_CHARACTERS)
    """Overrides the agent's model."""

    enable_rag: bool = True
    enable_tools: bool = True
    requested_tools: RequestedToolsField = Field(
        default=(),  # type: ignore[arg-type]  # what it holds, and not the descriptor
        max_length=16,
        strict=False,
    )
    """Tools to call regardless of the suggestions; they count as approved."""

    execution: Execution = "parallel"
    """``sequential`` runs the nodes one after another: the same answer, slower."""

    max_cost_dollars: Decimal | None = Field(default=None, ge=0, strict=False)
    metadata: Whole[dict[str, Any]] = Field(default_factory=dict)
    """The caller's own data; stored with the run, never interpreted."""

    @model_validator(mode="after")
    def _session_needs_chat(self) -> WorkflowInput:
        if self.session_id is not None and not self.mode.is_chat:
            raise ValueError(
                f"session_id goes with modes 3 and 4, and this is mode {self.mode.value}: "
                "leave it out or change the mode"
            )
        if self.messages is not None and (self.session_id is not None or not self.mode.is_chat):
            raise ValueError(
                "messages go with modes 3 and 4, and without a session_id: the engine keeps that conversation"
            )
        return self


class Cost(Frozen):
    """The exact cost of this answer, in dollars."""

    llm: Decimal = Decimal(0)
    tools: Decimal = Decimal(0)
    rag: Decimal = Decimal(0)

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorated properties
    @property
    def total(self) -> Decimal:
        """The sum of the three."""
        return self.llm + self.tools + self.rag

    model_config = ConfigDict(extra="ignore")


class Timings(Frozen):
    """Durations in seconds; time spent waiting for a person is not included."""

    total_seconds: float
    time_to_first_token_seconds: float | None = None
    nodes: tuple[NodeTiming, ...] = ()


class WorkflowOutput(Frozen, Generic[ResultT]):
    """An answer with everything known about it, or a run that waits for approval.

    ``WorkflowOutput[Contract]`` reads the result from JSON as a `Contract`; the bare class leaves it as JSON.
    """

    run_id: str
    status: Literal["completed", "awaiting_approval"]
    mode: WorkflowMode
    tenant_id: str
    agent_id: str
    session_id: str | None = None
    response: str = ""
    ending: AnswerEnding = "whole"
    """The reason why the response ends."""

    values: dict[str, Any] = Field(default_factory=dict)
    """The values of the nodes that your own workflow class adds, by name, as JSON."""

    result: FinalResult[ResultT] = Field(default=None)  # type: ignore[assignment]  # until it is completed
    """The result of a workflow class that declares its type; None until the run is completed."""

    citations: tuple[Citation, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    suggested_tools: tuple[ToolCall, ...] = ()
    """Calls that wait for the user's approval; only with ``awaiting_approval``."""
    required_input: tuple[RequiredInput, ...] = ()
    """Values that paused nodes need from outside; only with ``awaiting_approval``."""

    quality_score: float = Field(default=1.0, ge=0, le=1)
    is_assessed: bool = True
    """Whether the quality of the response was checked; if not, ignore `quality_score`."""

    groundedness: float | None = Field(default=None, ge=0, le=1)
    """The share of the answer's sentences that their citations support; None if nothing was claimed."""

    answer_probability: float | None = Field(default=None, ge=0, le=1)
    """The calibrated probability that the answer from the documents is right.

    If the response says that the documents contain no answer, it is the probability of the withheld answer.
    None without retrieval, and for models, languages and rerankers without a fitted calibration."""

    answer_calibration: str | None = None
    """The version of the calibration behind `answer_probability`."""

    retrieval_tuning: str | None = None
    """The name of the retrieval tuning that was used; None: the default values."""

    unsupported: tuple[UnsupportedSentence, ...] = ()
    """The sentences of the response that their citations do not support."""

    degradation_reasons: tuple[DegradationReason, ...] = ()
    warnings: tuple[AnswerWarning, ...] = ()
    cost: Cost = Cost()
    tokens: Tokens = Tokens()
    model: str | None = None
    """The model that wrote the response."""
    model_calls: tuple[ModelCall, ...] = ()
    """All calls of models behind providers for this answer, including failed ones."""
    cache_status: CacheStatus = "bypass"
    cache_reason: CacheReason | None = None
    """The reason for the cache's decision; None while the run waits, and for answers of earlier versions."""

    execution: Execution = "parallel"
    timings: Timings
    node_failures: tuple[NodeFailure, ...] = ()
    """Failed attempts at nodes that later succeeded, or that the answer does without; at most 100."""

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know decorated properties
    @property
    def is_degraded(self) -> bool:
        """Whether anything was missing for the answer."""
        return bool(self.degradation_reasons)

    model_config = ConfigDict(extra="ignore")
    """The computed fields are part of the JSON, and are recomputed when it is read."""
