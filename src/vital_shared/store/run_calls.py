"""The calls of durable runs: stored before their requests leave, and with their charges once they have ended.

They are in the ledger, and no longer here, from the end of the run on, or from its pause. Where its worker
dies, the next one gets them: a charge that was known as it is, and another as an estimate (`carry_calls`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from vital_shared.models.charge import Charge
from vital_shared.models.fence import Fence
from vital_shared.store.account_tables import reservations
from vital_shared.store.durable_tables import run_calls
from vital_shared.store.fencing import FENCED, fence_values
from vital_shared.store.prepared import Prepared
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = [
    "NO_CALLS",
    "CarriedCalls",
    "begun_effects",
    "calls_of",
    "carry_calls",
    "close_calls",
    "forget_call",
    "forget_calls",
    "keep_calls",
    "keep_effect",
]

EFFECTS: Final = "effects/"
"""The beginning of the items of nodes with effects."""

_COLUMNS: Final = ("run_id", "item", "epoch", "charge", "account", "is_final")

_FORGET: Final = Prepared(delete(run_calls).where(run_calls.c.run_id == bindparam("of")))
_FORGET_ONE: Final = Prepared(
    delete(run_calls).where(run_calls.c.run_id == bindparam("of"), run_calls.c.item == bindparam("of_item"))
)


class CarriedCalls(NamedTuple):
    """The part of a dead worker's run that its next worker goes on from, beside its finished nodes."""

    charges: tuple[Charge, ...] = ()
    """The charges that the ledger does not have yet; of calls that were cut off, as flagged estimates."""
    effects: frozenset[str] = frozenset()
    """The nodes with effects, and the calls of tools that may change something, that have begun."""


NO_CALLS: Final = CarriedCalls()


@cache  # made once: it is executed with each call
def _keep(dialect: str) -> Prepared:
    """Make the statement that stores a call, where the run is running and still this worker's."""
    values = [bindparam(name, type_=run_calls.c[name].type) for name in _COLUMNS]
    is_own = (runs.c.id == bindparam("of"), runs.c.status == "running", *FENCED)
    own = select(*values).where(*is_own).with_for_update(key_share=True)
    statement = upsert(run_calls, dialect).from_select(list(_COLUMNS), own)
    changed = {name: statement.excluded[name] for name in ("epoch", "charge", "is_final")}
    return Prepared(statement.on_conflict_do_update(index_elements=["run_id", "item"], set_=changed))


def keep_calls(
    connection: Connection,
    run_id: str,
    fence: Fence,
    *,
    expected: Sequence[Charge] = (),
    known: Sequence[Charge] = (),
) -> bool:
    """Store calls, and return whether the run is running and still this worker's.

    :param expected: the charges of calls under way, as far as is known by now.
    :param known: the charges of calls that have ended.
    """
    rows = [_row(charge, is_final=True) for charge in known]
    rows += [_row(charge, is_final=False) for charge in expected]
    return _keep_rows(connection, run_id, fence, rows)


def keep_effect(connection: Connection, run_id: str, fence: Fence, node: str) -> bool:
    """Store that a node with effects begins, and return whether the run is still this worker's."""
    row = {"item": f"{EFFECTS}{node}", "charge": None, "account": "", "is_final": False}
    return _keep_rows(connection, run_id, fence, [row])


def forget_calls(connection: Connection, run_id: str) -> None:
    """Delete the calls of a run, in the transaction that puts them into the ledger."""
    _FORGET.execute(connection, {"of": run_id})


def forget_call(connection: Connection, run_id: str, item: str) -> None:
    """Delete a call that has not left."""
    _FORGET_ONE.execute(connection, {"of": run_id, "of_item": item})


def carry_calls(connection: Connection, run_id: str) -> CarriedCalls:
    """Return the calls of a run whose worker has died, and settle what becomes of those that were cut off.

    Each of them costs what it was expected to, at most what the run has reserved and not spent; it stays so,
    however many workers die with the run after this one.
    """
    rows = connection.execute(select(run_calls).where(run_calls.c.run_id == run_id)).mappings().all()
    calls = [row for row in rows if row["charge"] is not None]
    known = [_charge(row) for row in calls if row["is_final"]]
    expected = [_charge(row) for row in calls if not row["is_final"]]
    cut = tuple(_bounded(expected, _left(connection, run_id, known)))
    for charge in cut:
        own = (run_calls.c.run_id == run_id, run_calls.c.item == charge.item)
        connection.execute(update(run_calls).where(*own).values(charge=charge.to_json(), is_final=True))
    return CarriedCalls((*known, *cut), begun_effects(connection, run_id))


def close_calls(connection: Connection, run_id: str) -> None:
    """Settle the calls of a run that ends without its worker; `LostCalls` enters them."""
    carry_calls(connection, run_id)
    effects = (run_calls.c.run_id == run_id, run_calls.c.charge.is_(None))
    connection.execute(delete(run_calls).where(*effects))


def calls_of(connection: Connection, run_id: str) -> tuple[Charge, ...]:
    """Return what the calls of a run have cost, or are expected to."""
    rows = connection.execute(select(run_calls).where(run_calls.c.run_id == run_id)).mappings()
    return tuple(_charge(row) for row in rows if row["charge"] is not None)


def begun_effects(connection: Connection, run_id: str) -> frozenset[str]:
    """Return the nodes with effects, and the calls of tools, that have begun in a run."""
    effects = select(run_calls.c.item).where(run_calls.c.run_id == run_id, run_calls.c.charge.is_(None))
    return frozenset(item.removeprefix(EFFECTS) for item in connection.execute(effects).scalars())


def _left(connection: Connection, run_id: str, known: Sequence[Charge]) -> int | None:
    """Return what is reserved and not spent, in nano-dollars; None: nothing is reserved for the run."""
    own = select(reservations.c.cost_nanos).where(reservations.c.run_id == run_id)
    reserved = connection.execute(own).scalar_one_or_none()
    return None if reserved is None else max(0, reserved - sum(charge.cost_nanos for charge in known))


def _bounded(cut: Sequence[Charge], left: int | None) -> Iterator[Charge]:
    for charge in cut:
        nanos = charge.cost_nanos if left is None else min(charge.cost_nanos, left)
        clamped = charge.clamped or nanos != charge.cost_nanos
        yield charge.as_estimate().model_copy(update={"cost_nanos": nanos, "clamped": clamped})
        left = None if left is None else left - nanos


def _keep_rows(connection: Connection, run_id: str, fence: Fence, rows: Sequence[dict[str, Any]]) -> bool:
    statement = _keep(connection.dialect.name)
    common = {"run_id": run_id, "of": run_id, "epoch": fence.epoch} | fence_values(fence)
    return all(statement.execute(connection, common | row) for row in rows)


def _row(charge: Charge, *, is_final: bool) -> dict[str, Any]:
    return {"item": charge.item, "charge": charge.to_json(), "account": charge.account, "is_final": is_final}


def _charge(row: RowMapping) -> Charge:
    return read_json(Charge, row["charge"]).model_copy(update={"account": row["account"]})
