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
    """Make a class of events: frozen like models, but cheaper, since a run makes dozens of them.

    They are validated when they are read, by `EventAdapter`, but not when our own code creates them.
    """
    made = dataclass(frozen=True, slots=True, kw_only=True)(kind)
    made.serializer = TypeAdapter(made).serializer
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    __pydantic_config__: ClassVar = ConfigDict(strict=True, extra="forbid")
    serializer: ClassVar[SchemaSerializer]
    """The serializer of the class's events."""

    run_id: str
    seq: int
    """1 for the first event of a run, and one more for each further event, also after a pause."""
    epoch: int = 0
    """The number of earlier owners of the run: each takeover and each resumption adds one."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the fields by name; the options are those of `pydantic.BaseModel.model_dump`."""
        fields: dict[str, Any] = self.serializer.to_python(self, **options)
        return fields

    def model_dump_json(self, **options: Any) -> str:
        """Return the event as JSON; the options are those of `pydantic.BaseModel.model_dump_json`."""
        return self.serializer.to_json(self, **options).decode()


@_event
class RunStarted(_Event):
    """The run has started."""

    type: Literal["run_started"] = "run_started"
    mode: WorkflowMode
    resumed: bool = False
    """True if the run continues after an approval."""


@_event
class NodeStarted(_Event):
    """A node has all its inputs and starts."""

    type: Literal["node_started"] = "node_started"
    node: str


@_event
class NodeFinished(_Event):
    """A node has ended, successfully or not."""

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
    """The index of the item, if the node runs once for each item of a list."""
    value: Any
    """The value as JSON."""


@_event
class Retrieval(_Event):
    """A RAG source has answered or failed."""

    type: Literal["retrieval"] = "retrieval"
    source: str
    status: NodeStatus
    documents: int
    """Passages found."""
    duration_seconds: float


@_event
class ApprovalRequired(_Event):
    """The user must approve these tool calls."""

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
    """A tool call has ended, successfully or not."""

    type: Literal["tool_finished"] = "tool_finished"
    result: ToolResult


@_event
class Reasoning(_Event):
    """A piece of the model's reasoning, if the model shares it."""

    type: Literal["reasoning"] = "reasoning"
    text: str


@_event
class Token(_Event):
    """A piece of the answer; all pieces together are the text of the answer."""

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
    """Another worker continues the run: the events from a given number on no longer count."""

    type: Literal["superseded"] = "superseded"
    from_seq: int
    """The number of the first event that no longer counts; `Superseded` itself and the events after it do."""


@_event
class RunPaused(_Event):
    """The run waits for approval or input, and the stream closes; resuming continues with the next number."""

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
"""The types of events that end a run; none follow them."""

EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)
"""The adapter that reads events from JSON and writes them."""
