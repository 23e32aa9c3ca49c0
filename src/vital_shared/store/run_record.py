"""The record of a run, and how it becomes a row and is read back."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic import ConfigDict, SerializeAsAny, ValidationError
from pydantic_core import PydanticSerializationError
from sqlalchemy import RowMapping

from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen
from vital_shared.models.clean_text import clean_text
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.store.listed_question import to_search_text, to_title
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import runs

__all__ = [
    "ENDED_WITHOUT_ANSWER",
    "LOST",
    "NOT_TAKEN_OVER",
    "OVERDUE_ENDS",
    "REPEATABLE_FAILURES",
    "ROW_COLUMNS",
    "EndedRun",
    "RunRecord",
    "RunStatus",
    "StoredInput",
    "as_swept",
    "input_as_json",
    "read_input",
    "to_ended",
    "to_record",
    "to_row",
]

RunStatus = Literal["queued", "running", "awaiting_approval", "completed", "failed", "cancelled", "expired"]

ENDED_WITHOUT_ANSWER: dict[str, None] = {"checkpoint": None, "output": None}
"""Columns that are cleared when a run ends without an answer."""


class Loss(NamedTuple):
    """The error of a run whose process died."""

    error_type: str
    message: str


LOST: Final = Loss("lost", "The worker that ran it died.")

NOT_TAKEN_OVER: Final = (
    "The worker that ran it died, and none that knows its workflow as it was has taken it over in time."
)
"""The message of a durable run that was lost."""

REPEATABLE_FAILURES: Final = frozenset({LOST.error_type, "store", "shutting_down"})
"""Error types of runs that ended by a fault of the engine's own: the same request may begin another run."""

OVERDUE_ENDS: dict[RunStatus, dict[str, str]] = {
    "queued": {"status": "expired"},
    "awaiting_approval": {"status": "expired"},
    "running": {
        "status": "failed",
        "error_type": LOST.error_type,
        "error_message": LOST.message,
    },
}
"""The end of a run whose deadline has passed, by its status."""


class StoredInput(WorkflowInput):
    """An input of any class, as it is stored: fields of a subclass are as JSON has them."""

    model_config = ConfigDict(extra="allow")

    query: str


class RunRecord(Frozen):
    """A run as it is stored."""

    id: str
    tenant_id: str
    user_id: str
    key_id: str | None = None
    """The key that it was asked for with; None: none."""

    mode: WorkflowMode
    workflow: str
    """Qualified name of the workflow's class."""

    plan: str
    """Fingerprint of the plan: what is resumed must still be the same."""

    status: RunStatus = "running"
    input: SerializeAsAny[WorkflowInput]
    """The request; see `read_input` for one that was stored."""

    output: WorkflowOutput | None = None
    """The answer of a completed run; from the first pause until the run ends, what it asked approval for."""

    checkpoint: dict[str, Any] | None = None
    """The values so far, as JSON; only from the first pause until the run ends."""

    last_seq: int = 0
    """The number of the last event before the pause, or of the end of a completed run; 0: it is not known."""

    epoch: int = 0
    """The number of owners that it had before this one: one more with each takeover and each resumption."""

    is_durable: bool = False
    """Whether what its nodes make is stored as they finish, so that another worker can take it over."""

    takeovers: int = 0
    """The number of workers that have died with it since it began or was resumed."""

    error_type: str | None = None
    error_message: str | None = None
    error_node: str | None = None
    steps: str | None = None
    """JSON of the `RunSteps` of a run that has ended without an answer; None: they are not known."""
    trace_id: str | None = None
    """The id of the trace of its last part, in hexadecimal; None: it was not traced, or has not ended."""

    created_at: datetime
    deadline_at: datetime
    """Until when it runs, or waits: past it, it counts as lost, or expires."""

    finished_at: datetime | None = None


_FIELDS: Final = tuple(RunRecord.model_fields)

ROW_COLUMNS: Final = (*_FIELDS, "title", "search_text")
"""Columns that are written with a new run."""


ENDED_COLUMNS: Final = (runs.c.id, runs.c.workflow, runs.c.input, runs.c.status, runs.c.duration_seconds)
"""Columns of which `to_ended` makes an `EndedRun`."""


class EndedRun(NamedTuple):
    """A run that has ended while no process worked on it."""

    run_id: str
    request: WorkflowInput
    status: RunStatus
    seconds: float
    """Seconds that it had run until it paused."""
    workflow: str = BUILT_IN_CLASS


def read_input(text: str) -> WorkflowInput:
    """Read the input of a run; one with fields of its own workflow is a `StoredInput`.

    :raises StoreError: when it is none.
    """
    with suppress(ValidationError):
        return WorkflowInput.model_validate_json(text)
    with suppress(ValidationError):
        return StoredInput.model_validate_json(text)
    return read_json(WorkflowInput, text)  # says why not


def to_ended(row: RowMapping) -> EndedRun:
    """Read the data of a run that was ended."""
    request = read_input(row["input"])
    return EndedRun(row["id"], request, row["status"], row["duration_seconds"] or 0.0, row["workflow"])


def as_swept(record: RunRecord, now: datetime) -> RunRecord:
    """Return the record as a sweep at this moment would have left it."""
    end = OVERDUE_ENDS.get(record.status)
    if end is None or record.deadline_at > now:
        return record
    if record.status == "running" and record.is_durable:
        end = end | {"error_message": NOT_TAKEN_OVER}
    return record.model_copy(update=end | ENDED_WITHOUT_ANSWER | {"finished_at": record.deadline_at})


def to_row(record: RunRecord) -> dict[str, Any]:
    """Return the columns of a record.

    :raises InvalidRequest: when its input holds what JSON cannot.
    """
    return {name: getattr(record, name) for name in _FIELDS} | {
        "mode": record.mode.value,
        "input": input_as_json(record.input),
        "output": record.output and record.output.model_dump_json(),
        "checkpoint": None if record.checkpoint is None else json.dumps(record.checkpoint),
        "title": to_title(record.input.query),
        "search_text": to_search_text(record.input.query),
    }


def input_as_json(request: WorkflowInput) -> str:
    try:
        # Fields by their own names, and no computed ones, so that the same class reads them back.
        return request.model_dump_json(by_alias=False, round_trip=True)
    except PydanticSerializationError as error:
        field = next(name for name in type(request).model_fields if not _is_json(request, name))
        raise InvalidRequest(
            f"{field} is stored with the run, so it may hold only JSON: {clean_text(str(error))}",
            field=field,
        ) from error


def _is_json(request: WorkflowInput, field: str) -> bool:
    try:
        request.model_dump_json(include={field})
    except PydanticSerializationError:
        return False
    return True


def to_record(row: RowMapping) -> RunRecord:
    """Read a row back.

    :raises StoreError: when a part of it is not what this version stores.
    """
    return RunRecord.model_validate(
        {name: row[name] for name in RunRecord.model_fields}
        | {
            "mode": WorkflowMode(row["mode"]),
            "input": read_input(row["input"]),
            "output": None if row["output"] is None else read_json(WorkflowOutput, row["output"]),
            "checkpoint": None if row["checkpoint"] is None else json.loads(row["checkpoint"]),
        }
    )
