"""The events of a run, as one typed stream that every interface shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    dataclass_transform,
)

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic_core import SchemaSerializer

from vital_shared.models.citation import Citation
from vital_shared.models.quality import AnswerWarning
from vital_shared.models.required_input import RequiredInput
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import WorkflowMode, WorkflowOutput

__all__ = [
    "ENDS",
    "OUTCOMES",
    "ApprovalRequired",
    "CitationFound",
    "Event",
    "EventAdapter",
    "InputRequired",
    "NodeFinished",
    "NodeStarted",
    "NodeStatus",
    "NodeYielded",
    "Outcome",
    "Reasoning",
    "Retrieval",
    "RunFailedEvent",
    "RunFinished",
    "RunPaused",
    "RunStarted",
    "Superseded",
    "Token",
    "ToolFinished",
    "ToolStarted",
    "WarningRaised",
]

if TYPE_CHECKING:
    AnyOutput: TypeAlias = WorkflowOutput[Any]
else:  # the bare class holds any result, and keeps its name in schemas
    AnyOutput = WorkflowOutput

NodeStatus = Literal["success", "failed", "timeout", "skipped", "cancelled", "paused"]


E = TypeVar("E", bound="_Event")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def _event(kind: type[E]) -> type[E]:
    """Make a class of events: as frozen as models are, and cheaper, since a run makes them by the dozen.

    They are validated where they are read, by `EventAdapter`, and not where our own code makes them.
    """
    made = dataclass(frozen=True, slots=True, kw_only=True)(kind)
    made.serializer = TypeAdapter(made).serializer
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    __pydantic_config__: ClassVar = ConfigDict(strict=True, extra="forbid")
    serializer: ClassVar[SchemaSerializer]
    """The writer of the class's events."""

    run_id: str
    seq: int
    """1 for the first event of a run, then one more each, also over a pause."""
    epoch: int = 0
    """The number of owners that the run had before its writer: one more with each takeover and resumption."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return its fields by name; the options are those of `pydantic.BaseModel.model_dump`."""
        fields: dict[str, Any] = self.serializer.to_python(self, **options)
        return fields

    def model_dump_json(self, **options: Any) -> str:
        """Return it as JSON; the options are those of `pydantic.BaseModel.model_dump_json`."""
        return self.serializer.to_json(self, **options).decode()


@_event
class RunStarted(_Event):
    """The run has begun."""

    type: Literal["run_started"] = "run_started"
    mode: WorkflowMode
    resumed: bool = False
    """True where the run goes on after an approval."""


@_event
class NodeStarted(_Event):
    """A node has all that it needs and starts."""

    type: Literal["node_started"] = "node_started"
    node: str


@_event
class NodeFinished(_Event):
    """A node has ended, one way or another."""

    type: Literal["node_finished"] = "node_finished"
    node: str
    status: NodeStatus
    duration_seconds: float


@_event
class NodeYielded(_Event):
    """A node has yielded something; pieces of the answer are `Token` events."""

    type: Literal["node_yielded"] = "node_yielded"
    node: str
    item: int | None = None
    """The index of the item, where the node runs once for each item of a list."""
    value: Any
    """The value as JSON has it."""


@_event
class Retrieval(_Event):
    """A RAG source has answered, or has not."""

    type: Literal["retrieval"] = "retrieval"
    source: str
    status: NodeStatus
    documents: int
    """Passages found."""
    duration_seconds: float


@_event
class ApprovalRequired(_Event):
    """The user is to approve these tool calls."""

    type: Literal["approval_required"] = "approval_required"
    tools: tuple[ToolCall, ...]


@_event
class InputRequired(_Event):
    """A paused node needs a value from outside."""

    type: Literal["input_required"] = "input_required"
    input: RequiredInput


@_event
class ToolStarted(_Event):
    """A tool call was made."""

    type: Literal["tool_started"] = "tool_started"
    tool: ToolCall


@_event
class ToolFinished(_Event):
    """A tool call has ended, one way or another."""

    type: Literal["tool_finished"] = "tool_finished"
    result: ToolResult


@_event
class Reasoning(_Event):
    """A piece of the model's reasoning, where it shares it."""

    type: Literal["reasoning"] = "reasoning"
    text: str


@_event
class Token(_Event):
    """A piece of the answer; all pieces joined are the answer's text."""

    type: Literal["token"] = "token"
    text: str


@_event
class CitationFound(_Event):
    """A citation of the answer, sent no later than the text that uses it."""

    type: Literal["citation"] = "citation"
    citation: Citation


@_event
class WarningRaised(_Event):
    """Something that the user should know."""

    type: Literal["warning"] = "warning"
    warning: AnswerWarning


@_event
class Superseded(_Event):
    """Another worker has gone on with the run: what was streamed from a number on does not count."""

    type: Literal["superseded"] = "superseded"
    from_seq: int
    """The number of the first event that does not count; this one and those behind it do."""


@_event
class RunPaused(_Event):
    """The run waits for approval or input, and the stream closes; resuming goes on with the next number."""

    type: Literal["run_paused"] = "run_paused"
    output: AnyOutput


@_event
class RunFinished(_Event):
    """The run has an answer."""

    type: Literal["run_finished"] = "run_finished"
    output: AnyOutput


@_event
class RunFailedEvent(_Event):
    """The run has ended without an answer."""

    type: Literal["run_failed"] = "run_failed"
    error_type: str
    message: str
    node: str | None = None


Event = Annotated[
    RunStarted
    | NodeStarted
    | NodeFinished
    | NodeYielded
    | Retrieval
    | ApprovalRequired
    | InputRequired
    | ToolStarted
    | ToolFinished
    | Reasoning
    | Token
    | CitationFound
    | WarningRaised
    | Superseded
    | RunPaused
    | RunFinished
    | RunFailedEvent,
    Field(discriminator="type"),
]
"""Any event; ``type`` is the discriminator."""

Outcome = RunFinished | RunPaused | RunFailedEvent
"""The last event of a run, or of its part before a pause."""

OUTCOMES: Final = frozenset({"run_finished", "run_paused", "run_failed"})
"""The types of outcomes."""

ENDS: Final = OUTCOMES - {"run_paused"}
"""The types of events after which there are no more."""

EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)
"""The adapter that reads an event from JSON, and writes it."""
