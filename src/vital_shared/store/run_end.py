"""The end of a run, as a value: it is written now, or kept until the store takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, update

from vital_shared.models.base import Frozen
from vital_shared.models.fence import Fence
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.admission import release
from vital_shared.store.conversations import Turn, add_turn
from vital_shared.store.fencing import FENCED, fence_values
from vital_shared.store.prepared import Prepared
from vital_shared.store.requeue import requeue
from vital_shared.store.run_calls import forget_calls
from vital_shared.store.run_nodes import forget_nodes
from vital_shared.store.run_record import LOST, REPEATABLE_FAILURES, RunRecord
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import runs

__all__ = ["RunEnd"]

_COLUMNS: Final = (
    "status",
    "output",
    "error_type",
    "error_message",
    "error_node",
    "steps",
    "trace_id",
    "finished_at",
    "duration_seconds",
    "first_token_seconds",
    "quality_score",
    "degraded",
    "cache_status",
    "model",
    "cost_nanos",
)


class RunEnd(Frozen):
    """The end of a run: what its row says from then on, and what else is written with it."""

    run_id: str
    status: Literal["completed", "failed", "cancelled"]
    finished_at: datetime
    output: str | None = None
    """JSON of the answer."""
    error_type: str | None = None
    error_message: str | None = None
    error_node: str | None = None
    steps: str | None = Field(default=None, exclude=True)
    """JSON of its `RunSteps`, where it has no answer; not written down, for the reason of `is_limited`."""
    trace_id: str | None = Field(default=None, exclude=True)
    """The id of its trace; not written down, for the same reason."""
    duration_seconds: float | None = None
    first_token_seconds: float | None = None
    quality_score: float | None = None
    degraded: bool | None = None
    cache_status: str | None = None
    model: str | None = None
    cost_nanos: int | None = None
    last_seq: int | None = Field(default=None, exclude=True)
    """The number of its last event, by which a reader knows whether it has all of the answer; never written
    down, for the same reason as `is_limited`."""
    turn: Turn | None = None
    """The question and the answer, for a conversation."""
    has_reservation: bool = False
    """Whether the run has reserved money, which is let go with its end."""
    is_limited: bool = Field(default=True, exclude=True)
    """Whether it may have reserved of the limits above it, too; never written down, since engines of the
    version before, which may find it, know no such field."""
    fence: Fence | None = None
    """The worker that ends it; None: nobody has it, and its status alone decides."""
    is_durable: bool = False
    """Whether its finished nodes and its calls were stored, which are deleted with its end."""

    def write(self, connection: Connection, *, is_late: bool = False) -> bool:
        """Write it, and return whether the run was still running, and has ended.

        A background run that failed by a fault of the engine's own goes back to its queue instead.

        :param is_late: a run that was called lost meanwhile has ended like this all the same, unless this
            is what calls it lost.
        """
        if self._goes_back(connection) or not self._write_row(connection, is_late=is_late):
            return False
        if self.has_reservation:
            release(connection, self.run_id, is_limited=self.is_limited)
        if self.is_durable:
            forget_nodes(connection, self.run_id)
            forget_calls(connection, self.run_id)
        if self.turn is not None:
            add_turn(connection, self.turn, run_id=self.run_id, now=self.finished_at)
        return True

    def _goes_back(self, connection: Connection) -> bool:
        """Bring a background run back to its queue, where its failure was no fault of its own."""
        is_repeatable = self.error_type in REPEATABLE_FAILURES
        return is_repeatable and requeue(connection, self.run_id, self.finished_at, self.fence)

    def _write_row(self, connection: Connection, *, is_late: bool) -> bool:
        values = {f"to_{name}": getattr(self, name) for name in _COLUMNS}
        values |= {"of": self.run_id, "to_last_seq": self._last_seq}
        corrects = is_late and self.error_type != LOST.error_type
        if self.fence is None:
            return bool((_END_LATE if corrects else _END).execute(connection, values))
        end = _END_LATE_FENCED if corrects else _END_FENCED
        return bool(end.execute(connection, values | fence_values(self.fence)))

    @property
    def _last_seq(self) -> int | None:
        """The number to store; 0 where an answer's is not known, and None where the stored one stays."""
        return 0 if self.last_seq is None and self.status == "completed" else self.last_seq

    def apply(self, record: RunRecord) -> RunRecord:
        """Return the record of the run as it will be once this is written, or refused."""
        if self.fence is not None and record.epoch != self.fence.epoch:
            return record  # another worker has the run: its end is another
        if record.status != "running" and record.error_type != LOST.error_type:
            return record
        values: dict[str, Any] = {
            name: getattr(self, name) for name in _COLUMNS if name in RunRecord.model_fields
        }
        if self._last_seq is not None:
            values["last_seq"] = self._last_seq
        output = None if self.output is None else read_json(WorkflowOutput, self.output)
        return record.model_copy(update=values | {"output": output, "checkpoint": None})


def _end(*conditions: ColumnElement[bool]) -> Prepared:
    """Make the statement once: it is executed with each run."""
    return Prepared(
        update(runs)
        .where(runs.c.id == bindparam("of"), *conditions)
        .values({name: bindparam(f"to_{name}", type_=runs.c[name].type) for name in _COLUMNS})
        .values(
            last_seq=func.coalesce(bindparam("to_last_seq", type_=runs.c.last_seq.type), runs.c.last_seq),
            checkpoint=None,
        )
    )


_RUNNING: Final = runs.c.status == "running"
_LATE: Final = or_(_RUNNING, and_(runs.c.status == "failed", runs.c.error_type == LOST.error_type))
_END: Final = _end(_RUNNING)
_END_FENCED: Final = _end(_RUNNING, *FENCED)
_END_LATE: Final = _end(_LATE)
_END_LATE_FENCED: Final = _end(_LATE, *FENCED)
