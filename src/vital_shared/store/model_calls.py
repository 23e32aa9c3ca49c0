"""Calls of models with their prompts and answers: written with the run's charges, where that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, update

from vital_shared.models.recorded_call import RecordedCall
from vital_shared.store.model_call_table import model_calls
from vital_shared.store.prepared import Prepared
from vital_shared.store.stored_json import read_json
from vital_shared.store.tables import runs
from vital_shared.store.upsert import upsert

__all__ = ["forget_model_calls", "model_calls_of", "store_model_calls"]

_COLUMNS: Final = ("run_id", "item", "number", "call")


@cache  # made once: it is executed with each call
def _store(dialect: str) -> Prepared:
    """Make the statement that stores a call, unless its run, or somebody in it, was erased meanwhile."""
    values = [bindparam(name, type_=model_calls.c[name].type) for name in _COLUMNS]
    own = (runs.c.id == bindparam("of"), runs.c.prompts_erased.is_(False))
    run = select(*values).where(*own).with_for_update(read=True)  # an erasure waits until they are there
    return Prepared(upsert(model_calls, dialect).from_select(list(_COLUMNS), run).on_conflict_do_nothing())


def store_model_calls(connection: Connection, run_id: str, calls: Sequence[RecordedCall]) -> None:
    """Store the calls of a run; what is stored stays as it is."""
    for call in calls:
        number = int(call.item.rpartition("/")[2].rpartition(".")[2])
        row = {"of": run_id, "run_id": run_id, "item": call.item, "number": number}
        _store(connection.dialect.name).execute(connection, row | {"call": call.model_dump_json()})


def model_calls_of(connection: Connection, run_id: str) -> tuple[RecordedCall, ...]:
    """Return the calls of a run, in the order of their start.

    :raises StoreError: when one is not what this version stores.
    """
    own = select(model_calls.c.call).where(model_calls.c.run_id == run_id)
    texts = connection.execute(own.order_by(model_calls.c.number, model_calls.c.item)).scalars()
    return tuple(read_json(RecordedCall, text) for text in texts)


def forget_model_calls(connection: Connection, run_ids: Sequence[str]) -> None:
    """Delete the words of runs' calls, and see that none are written from now on."""
    connection.execute(update(runs).where(runs.c.id.in_(run_ids)).values(prompts_erased=True))
    connection.execute(delete(model_calls).where(model_calls.c.run_id.in_(run_ids)))
