"""What was promised and kept while everything around an engine fails: a load, faults, and the books."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from tests.ai_engine.supervisor.engine import Engine, running_engine
from tests.torture.books import Books, read_books
from tests.torture.clients import Asked, Clients
from tests.torture.faults import Fault
from tests.torture.provider import COST_OF_A_CALL_NANOS, Provider

__all__ = ["Kept", "Load", "Report", "torture"]

NANOS: Final = 10**9


class Load(NamedTuple):
    """The clients that ask at the same time, all the while."""

    neighbours: int
    odd: int


class Kept(NamedTuple):
    """One promise, and whether it was kept."""

    promise: str
    holds: bool
    figure: str


@dataclass(frozen=True)
class Report:
    """What came of all questions, and what was stored."""

    asked: Sequence[Asked]
    provider: Provider
    books: Books

    @property
    def _acknowledged(self) -> list[Asked]:
        return [each for each in self.asked if each.status == 200]

    @property
    def _neighbours(self) -> list[Asked]:
        return [each for each in self.asked if each.is_neighbour]

    def promises(self) -> list[Kept]:
        """Judge each promise."""
        return [
            self._every_neighbour_answered(),
            self._no_internal_errors(),
            self._odd_tenant_answered(),
            self._acknowledged_runs_stored(),
            self._acknowledged_costs_stored(),
            self._calls_in_the_ledger(),
            self._amounts_within_bounds(),
            self._sums_agree(),
            self._nothing_left_open(),
        ]

    def waits(self) -> dict[str, tuple[int, float, float]]:
        """Return the questions, the median and the longest wait in seconds, by fault."""
        by_fault: dict[str, list[float]] = {}
        for each in self.asked:
            by_fault.setdefault(each.fault, []).append(each.seconds)
        return {
            fault: (len(seconds), sorted(seconds)[len(seconds) // 2], max(seconds))
            for fault, seconds in by_fault.items()
        }

    def _every_neighbour_answered(self) -> Kept:
        failed = [each for each in self._neighbours if each.status != 200]
        first = f"; the first: {failed[0].fault}: {failed[0].error}" if failed else ""
        return Kept(
            "neighbours of a failing provider are answered",
            not failed,
            f"{len(failed)} of {len(self._neighbours)} failed{first}",
        )

    def _no_internal_errors(self) -> Kept:
        internal = [each for each in self.asked if each.status == 500]
        first = f"; the first: {internal[0].error}" if internal else ""
        return Kept("nobody gets an internal error", not internal, f"{len(internal)} answers of 500{first}")

    def _odd_tenant_answered(self) -> Kept:
        odd = [each for each in self.asked if not each.is_neighbour]
        failed = [each for each in odd if each.status != 200]
        first = f"; the first: {failed[0].fault}: {failed[0].error}" if failed else ""
        return Kept(
            "odd answers are read, or answered by the next model",
            not failed,
            f"{len(odd) - len(failed)} of {len(odd)} answered, {self.provider.odd_calls} odd answers{first}",
        )

    def _acknowledged_runs_stored(self) -> Kept:
        runs = self._acknowledged
        stored = sum(self.books.statuses.get(each.run_id) == "completed" for each in runs)
        return Kept("an acknowledged run is stored", stored == len(runs), f"{stored} of {len(runs)}")

    def _acknowledged_costs_stored(self) -> Kept:
        runs = self._acknowledged
        equal = sum(self.books.costs.get(each.run_id, 0) == int(each.cost * NANOS) for each in runs)
        return Kept("its cost is in the ledger, exactly", equal == len(runs), f"{equal} of {len(runs)}")

    def _calls_in_the_ledger(self) -> Kept:
        counted, answered = self.provider.begun.total(), self.provider.answered.total()
        exact = self.books.good_calls - self.books.estimated_good_calls
        figure = (
            f"the provider began {counted} calls and answered {answered} in full; the ledger has "
            f"{self.books.good_calls}, {self.books.estimated_good_calls} of them estimated"
        )
        return Kept(
            "every call is in the ledger once", self.books.good_calls == counted and exact <= answered, figure
        )

    def _amounts_within_bounds(self) -> Kept:
        dollars = Decimal(self.books.greatest_nanos) / NANOS
        within = self.books.least_nanos >= 0 and self.books.greatest_nanos <= 100 * COST_OF_A_CALL_NANOS
        return Kept(
            "no charge is below zero or beyond its call",
            within,
            f"the least ${Decimal(self.books.least_nanos) / NANOS}, the greatest ${dollars}",
        )

    def _sums_agree(self) -> Kept:
        total, spent = self.books.total_nanos, self.books.spent_nanos
        return Kept(
            "the tenants' sums are the ledger's", total == spent, f"${total / NANOS} and ${spent / NANOS}"
        )

    def _nothing_left_open(self) -> Kept:
        open_runs, held = self.books.open_runs, self.books.reservations
        return Kept(
            "no run and no reservation stays open",
            not open_runs and not held,
            f"{open_runs} runs, {held} reservations",
        )


async def torture(
    folder: Path,
    provider: Provider,
    faults: Sequence[type[Fault] | Fault],
    load: Load,
    *,
    url: str = "",
    **environment: str,
) -> Report:
    """Put an engine of two workers under load, and let one fault after the other happen.

    :param folder: its data folder, empty.
    :param faults: in their order; a class is made with the engine.
    :param url: the database; empty: a SQLite file in the folder.
    :param environment: further settings of the engine.
    """
    (folder / "vital.toml").write_text(provider.configuration, encoding="utf-8")
    if url:
        environment["VITAL_DATABASE_URL"] = url
    async with running_engine(folder, workers=2, **environment) as engine:
        clients = Clients(engine.url)
        for each in faults:
            fault = _made(each, engine)
            over = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(clients.ask(fault.name, over, neighbours=load.neighbours, odd=load.odd))
                await fault.happen()
                over.set()
    return Report(
        clients.asked, provider, await read_books(url or f"sqlite+aiosqlite:///{folder / 'vital.db'}")
    )


def _made(fault: type[Fault] | Fault, engine: Engine) -> Fault:
    return fault(engine) if isinstance(fault, type) else fault  # type: ignore[call-arg]
