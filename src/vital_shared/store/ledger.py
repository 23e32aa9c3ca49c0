"""The ledger: one row for each thing that a run has paid for, written with the run's end.

Rows are written once: ``(run_id, item)`` is unique, and writing a row again changes nothing. What each
tenant has spent by day and by month is kept with them, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vital_shared.models.base import Frozen
from vital_shared.models.charge import Charge
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.store.account_tables import ledger, spending
from vital_shared.store.limit_check import count_charges, has_limits_of_run
from vital_shared.store.periods import period_key
from vital_shared.store.prepared import Prepared
from vital_shared.store.upsert import upsert

__all__ = ["Payer", "charges_of", "lock_spending", "record", "spending_lock"]


class Payer(Frozen):
    """The tenant and the request that charges are booked to."""

    tenant_id: str
    user_id: str
    mode: WorkflowMode
    agent_id: str
    workflow: str = BUILT_IN_CLASS
    """The name in the records of its runs."""


@cache  # made once: it is executed with each run
def _insert_rows(dialect: str) -> Prepared:
    statement = upsert(ledger, dialect).on_conflict_do_nothing(index_elements=["run_id", "item"])
    columns = [column.name for column in ledger.c if not column.primary_key]
    return Prepared(statement.returning(ledger.c.item), columns)


@cache
def _add_spent(dialect: str, *, with_limits: bool) -> Prepared:
    """Make the statement that adds to what a tenant has spent in a period.

    :param with_limits: whether it returns if there are limits above the run, too.
    """
    columns = spending.c
    statement = upsert(spending, dialect).values(
        tenant_id=bindparam("tenant_id", type_=columns.tenant_id.type),
        period=bindparam("period", type_=columns.period.type),
        cost_nanos=bindparam("nanos", type_=columns.cost_nanos.type),
    )
    spent = columns.cost_nanos + statement.excluded.cost_nanos
    adding = statement.on_conflict_do_update(
        index_elements=["tenant_id", "period"], set_={"cost_nanos": spent}
    )
    return Prepared(adding.returning(has_limits_of_run) if with_limits else adding)


def spending_lock(tenant_id: str) -> str:
    """Name what `record` locks: what the tenant has spent."""
    return f"{tenant_id}/spending"


def record(
    connection: Connection,
    run_id: str,
    payer: Payer,
    charges: Sequence[Charge],
    at: datetime,
) -> tuple[Charge, ...]:
    """Write a run's charges, and return those that were not there yet.

    They count against the limits above the run, also against those that were set since it began.

    :param connection: in the transaction that ends or pauses the run.
    """
    if not charges:
        return ()
    common = _common(run_id, payer, at)
    rows = [common | _row(charge) for charge in charges]
    new = set(_insert_rows(connection.dialect.name).returned(connection, rows))
    written = tuple(charge for charge in charges if charge.item in new)
    if any(charge.cost_nanos or charge.tokens.input or charge.tokens.output for charge in written):
        nanos = sum(charge.cost_nanos for charge in written)
        if _spend(connection, run_id, payer, nanos, at):
            count_charges(connection, run_id, written, at)
    return written


def _spend(connection: Connection, run_id: str, payer: Payer, nanos: int, at: datetime) -> bool:
    """Add to what the tenant has spent, and return whether there are limits above the run.

    The month comes first, and is written also for charges of nothing: a new limit locks it, so that the next
    statement sees each limit whose past does not have these charges.
    """
    dialect, common = connection.dialect.name, {"tenant_id": payer.tenant_id, "nanos": nanos}
    above = {"of_tenant": payer.tenant_id, "of_user": payer.user_id, "of_run": run_id}
    if not nanos and dialect == "sqlite":  # its writers come one after another: no row has to be locked
        return bool(connection.execute(select(has_limits_of_run), above).scalar_one())
    month = common | {"period": period_key("monthly", at)}
    _add_spent(dialect, with_limits=False).execute(connection, month)
    day = common | {"period": period_key("daily", at)} | above
    return any(_add_spent(dialect, with_limits=True).returned(connection, [day]))


def lock_spending(connection: Connection, tenant_ids: Iterable[str], at: datetime) -> None:
    """Let nobody write charges of tenants to the end of the transaction: what is written by then is all."""
    statement = _add_spent(connection.dialect.name, with_limits=False)
    for tenant_id in sorted(tenant_ids, key=spending_lock):
        values = {"tenant_id": tenant_id, "period": period_key("monthly", at), "nanos": 0}
        statement.execute(connection, values)


async def charges_of(connection: AsyncConnection, run_id: str) -> tuple[Charge, ...]:
    """Return the charges of a run that are written, in their order."""
    statement = select(ledger).where(ledger.c.run_id == run_id).order_by(ledger.c.id)
    return tuple(_charge(row) for row in (await connection.execute(statement)).mappings())


def _common(run_id: str, payer: Payer, at: datetime) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "tenant_id": payer.tenant_id,
        "user_id": payer.user_id,
        "mode": payer.mode.value,
        "agent_id": payer.agent_id,
        "workflow": payer.workflow,
        "calls": 1,
        "saved_nanos": 0,
        "hits": 0,
        "at": at,
    }


def _row(charge: Charge) -> dict[str, Any]:
    tokens = charge.tokens
    return {
        "item": charge.item,
        "cost_type": charge.cost_type,
        "name": charge.name,
        "status": charge.status,
        "input_tokens": tokens.input,
        "cached_input_tokens": tokens.cached_input,
        "cache_write_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
        "reasoning_tokens": tokens.reasoning,
        "estimated": tokens.estimated,
        "unit_prices": None if charge.unit_prices is None else json.dumps(charge.unit_prices),
        "cost_nanos": charge.cost_nanos,
        "clamped": charge.clamped,
        "raw_usage": None if charge.raw_usage is None else json.dumps(charge.raw_usage),
        "provider_cost_nanos": charge.provider_cost_nanos,
        "node": charge.node or None,
    }


def _charge(row: RowMapping) -> Charge:
    return Charge(
        item=row["item"],
        cost_type=row["cost_type"],
        name=row["name"],
        status=row["status"],
        tokens=Tokens(
            input=row["input_tokens"],
            cached_input=row["cached_input_tokens"],
            cache_write=row["cache_write_tokens"],
            output=row["output_tokens"],
            reasoning=row["reasoning_tokens"],
            estimated=row["estimated"],
        ),
        unit_prices=None if row["unit_prices"] is None else json.loads(row["unit_prices"]),
        cost_nanos=row["cost_nanos"],
        clamped=row["clamped"],
        raw_usage=None if row["raw_usage"] is None else json.loads(row["raw_usage"]),
        provider_cost_nanos=row["provider_cost_nanos"],
        node=row["node"] or "",
    )
