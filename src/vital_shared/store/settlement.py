"""The charges and the end of a run that the store does not have yet, as a value that can be kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection

from vital_shared.models.base import Frozen
from vital_shared.models.charge import Charge
from vital_shared.models.fence import Fence
from vital_shared.models.recorded_call import RecordedCall
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.store.fencing import is_current
from vital_shared.store.ledger import Payer, record, spending_lock
from vital_shared.store.model_calls import store_model_calls
from vital_shared.store.run_calls import forget_call
from vital_shared.store.run_end import RunEnd

__all__ = ["END", "Settlement", "payer_of"]

END = "end"
"""The item that stands for the end of a run, beside those of its charges."""


class Settlement(Frozen):
    """The charges of one run, or its end, or both, to be written. Writing it again changes nothing."""

    run_id: str
    payer: Payer
    at: datetime
    charges: tuple[Charge, ...] = ()
    end: RunEnd | None = None
    fence: Fence | None = None
    """The worker of a durable run: all of it is refused once another one has the run. None: no other can."""
    calls: tuple[RecordedCall, ...] = Field(default=(), exclude=True)
    """Calls of models with their words; not written down, since no other file is to hold them."""
    clears_calls: bool = False
    """Whether these are the calls that a durable run has left, which are deleted with this."""

    @property
    def nanos(self) -> int:
        """The amount spent, in nano-dollars."""
        return sum(charge.cost_nanos for charge in self.charges)

    @property
    def locks(self) -> str:
        """The rows that writing it locks."""
        return spending_lock(self.payer.tenant_id)

    @property
    def kind(self) -> Literal["charge", "run_end"]:
        """The kind of a part."""
        return "run_end" if self.end else "charge"

    @property
    def item(self) -> str:
        """The name of a part within its run."""
        return END if self.end else self.charges[0].item

    @property
    def parts(self) -> tuple[Settlement, ...]:
        """Each charge, and then the end, as one that can be written without the others."""
        alone = self.model_copy(update={"end": None, "calls": ()})
        charges = (alone.model_copy(update={"charges": (each,)}) for each in self.charges)
        ends = () if self.end is None else (self.model_copy(update={"charges": ()}),)
        return (*charges, *ends)

    def may_be_written(self, connection: Connection) -> bool:
        """Return whether no other worker has the run, and see that none takes it before the commit."""
        return self.fence is None or is_current(connection, self.run_id, self.fence)

    def clear_calls(self, connection: Connection) -> None:
        """Delete the calls that a durable run has left, once their charges are entered or set aside."""
        if self.clears_calls:
            for charge in self.charges:
                forget_call(connection, self.run_id, charge.item)

    def to_json(self) -> str:
        """Write it down, also where a value in it is none that it should have."""
        return self.model_dump_json(warnings=False, fallback=repr)

    def record(self, connection: Connection) -> tuple[Charge, ...]:
        """Write the charges and the calls' words, and return the charges that were not there yet."""
        store_model_calls(connection, self.run_id, self.calls)
        return record(connection, self.run_id, self.payer, self.charges, self.at)

    def write(self, connection: Connection) -> tuple[bool, tuple[Charge, ...]]:
        """Write it late; return whether the run ended with it, and the charges that were not there yet."""
        if not self.may_be_written(connection):
            return False, ()
        new = self.record(connection)
        self.clear_calls(connection)
        return self.end is not None and self.end.write(connection, is_late=True), new


def payer_of(request: WorkflowInput, workflow: str) -> Payer:
    """Return who pays for a request.

    :param workflow: the name in the records of its runs.
    """
    return Payer(
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        mode=WorkflowMode(request.mode),
        agent_id=request.agent_id,
        workflow=workflow,
    )
