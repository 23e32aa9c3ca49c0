"""Read what the engine has stored, after it has stopped."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from vital_shared.store.account_tables import ledger, reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.tables import runs

__all__ = ["Books", "read_books"]


@dataclass(frozen=True)
class Books:
    """The stored runs and what they cost."""

    statuses: dict[str, str]
    """By run id."""
    costs: dict[str, int]
    """Nano-dollars of each run that paid, by run id."""
    good_calls: int
    """Rows of the correct model."""
    estimated_good_calls: int
    least_nanos: int
    greatest_nanos: int
    total_nanos: int
    spent_nanos: int
    """By the tenants' own sums, of the months."""
    reservations: int

    @property
    def open_runs(self) -> int:
        """Runs that have no end."""
        return sum(status == "running" for status in self.statuses.values())


async def read_books(url: str) -> Books:
    """Read all of it.

    :param url: of the database, with an async driver.
    """
    database = Database(url)
    try:
        async with database.connect() as connection:

            async def rows(*columns: object) -> list[tuple[object, ...]]:
                return [tuple(row) for row in await connection.execute(select(*columns))]  # type: ignore[call-overload]

            good = ledger.c.name == "good:m"
            statuses = await rows(runs.c.id, runs.c.status)
            costs = await connection.execute(
                select(ledger.c.run_id, func.sum(ledger.c.cost_nanos)).group_by(ledger.c.run_id)
            )
            sums = await connection.execute(
                select(
                    func.min(ledger.c.cost_nanos),
                    func.max(ledger.c.cost_nanos),
                    func.sum(ledger.c.cost_nanos),
                )
            )
            least, greatest, total = sums.one()
            calls = await connection.execute(select(func.count()).where(good))
            estimated = await connection.execute(select(func.count()).where(good, ledger.c.estimated))
            spent = await connection.execute(
                select(func.sum(spending.c.cost_nanos)).where(func.length(spending.c.period) == 7)
            )
            held = await connection.execute(select(func.count()).select_from(reservations))
            return Books(
                statuses={str(run_id): str(status) for run_id, status in statuses},
                costs={run_id: int(nanos) for run_id, nanos in costs},
                good_calls=int(calls.scalar_one()),
                estimated_good_calls=int(estimated.scalar_one()),
                least_nanos=int(least or 0),
                greatest_nanos=int(greatest or 0),
                total_nanos=int(total or 0),
                spent_nanos=int(spent.scalar_one() or 0),
                reservations=int(held.scalar_one()),
            )
    finally:
        await database.aclose()
