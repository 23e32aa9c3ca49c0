"""The erasure of a person: active runs are cancelled, and all stored data of the person is deleted.

The order matters: pending writes are flushed first, then the rows are deleted, then the copies (event logs,
cached answers, files), and finally the key of the pseudonym. An interrupted erasure is repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from vital_shared.cache.clearing import clear
from vital_shared.errors import StoreError, VitalError
from vital_shared.logs import get_logger
from vital_shared.models.erasure import ErasedRows, ErasureReport
from vital_shared.monitoring.metrics import ERASURES_TOTAL
from vital_shared.store.audit import AuditedChange
from vital_shared.store.erasure import PersonRows, forget_operator
from vital_shared.workflows.run_cancellation import cancel_run
from vital_shared.workflows.services import Services

__all__ = ["erase_operator", "erase_person"]

logger = get_logger(__name__)

RUNNING: Final = "Runs go on in another process, which could not be reached: cancel them, and erase again."
READERS: Final = (
    "Runs of others that may have read the words of an erased person go on in another process, which could "
    "not be reached: they keep them until they end, so cancel them, and erase again."
)
SPOOLED: Final = "Ends of runs wait in files for a store that did not take them: erase again once it does."
EVENTS: Final = (
    "Event logs of runs could not be deleted: they end by themselves within the hour, or erase again."
)
CACHED: Final = (
    "Cached answers in Redis could not be deleted, since it does not answer: they end by themselves, or "
    "erase again."
)
LOG: Final = "The database file is in use, so copies may be left in its free parts: erase again."
FILE: Final = (
    "The database file is too large to be written anew while requests wait, so copies may be left in its "
    "free parts: run `vital erase` on the engine's machine at a quiet time."
)


async def erase_person(
    services: Services,
    *,
    tenant_id: str,
    user_id: str,
    cancel: Callable[[str], Awaitable[None]] | None = None,
    forget: Callable[[Collection[str]], None] = lambda _: None,
    max_file_bytes: float = float("inf"),
) -> ErasureReport:
    """Erase all that is kept of a user of a tenant, but for the sums of the ledger; again changes nothing.

    :param cancel: cancels a run of this process, where it is here, and waits until it has ended.
    :param forget: lets go of what this process itself holds of runs that have ended.
    :param max_file_bytes: the size up to which the file of SQLite is written anew; writers wait meanwhile.
    :raises StoreError: when the database does not answer.
    """
    person = PersonRows(services.database, tenant_id, user_id)
    left: list[str] = []
    is_written = await services.runs.charge_writer.settle_all()
    cancelled = await _cancel(services, person, cancel)
    await _cancel_runs(services, await person.reader_ids(), cancel)
    if await person.run_ids(is_open=True):
        left.append(RUNNING)
    if not (is_written and await services.runs.charge_writer.settle_all()):
        left.append(SPOOLED)
    ended = await person.run_ids(is_open=False)
    pseudonym, rows = await person.pseudonym(), await person.erase(ended)
    ended = (*ended, *person.changed_runs)
    await _cancel_runs(services, await person.reader_ids(), cancel)  # begun before the words were deleted
    if await person.reader_ids():
        left.append(READERS)
    forget(ended)
    if not await _forget_events(services, ended):
        left.append(EVENTS)
    await asyncio.to_thread(services.runs.journal.rewrite)
    dropped = await clear(services.cache, services.epochs, tenant_id=tenant_id)
    if not dropped.is_complete:
        left.append(CACHED)
    await person.finish(
        AuditedChange(
            "person_erased",
            "",
            tenant_id,
            services.now(),
            person=user_id,
            outcome="partial" if left else "done",
            details=rows.model_dump(),
        )
    )
    left += await _compact(services, max_file_bytes)
    report = ErasureReport(
        outcome="partial" if left else "done",
        pseudonym=pseudonym,
        rows=rows,
        cancelled_runs=cancelled,
        cached_answers=dropped.answers,
        left=tuple(left),
    )
    _count(report, tenant_id)
    return report


async def erase_operator(
    services: Services, *, user_id: str, max_file_bytes: float = float("inf")
) -> ErasureReport:
    """Erase a user whom a token names for all tenants: the audit log's key of its pseudonym is destroyed.

    Its runs and decisions are those of a tenant's user of the same name: see `erase_person`.

    :param max_file_bytes: the size up to which the file of SQLite is written anew; writers wait meanwhile.
    :raises StoreError: when the database does not answer.
    """
    change = AuditedChange("person_erased", "", None, services.now(), person=user_id)
    pseudonym = await forget_operator(services.database, user_id, change)
    left = await _compact(services, max_file_bytes)
    report = ErasureReport(
        outcome="partial" if left else "done",
        pseudonym=pseudonym,
        rows=ErasedRows(),
        cancelled_runs=0,
        cached_answers=0,
        left=tuple(left),
    )
    _count(report, None)
    return report


def _count(report: ErasureReport, tenant_id: str | None) -> None:
    ERASURES_TOTAL.labels(report.outcome).inc()
    logger.info("person_erased", tenant_id=tenant_id, pseudonym=report.pseudonym, outcome=report.outcome)


async def _cancel(
    services: Services, person: PersonRows, cancel: Callable[[str], Awaitable[None]] | None
) -> int:
    """Cancel the runs that have not ended, and return how many have by then."""
    unended = await person.run_ids(is_open=True)
    await _cancel_runs(services, unended, cancel)
    return len(unended) - len(await person.run_ids(is_open=True))


async def _cancel_runs(
    services: Services, run_ids: Collection[str], cancel: Callable[[str], Awaitable[None]] | None
) -> None:
    for run_id in run_ids:
        if cancel is not None:
            await cancel(run_id)
        await cancel_run(services, run_id)


async def _compact(services: Services, max_file_bytes: float) -> list[str]:
    """Write the file of the database anew, and return what is left to be done."""
    file = services.database.file
    if file is not None and file.stat().st_size > max_file_bytes:
        return [FILE]
    try:
        return [] if await services.database.compact() else [LOG]
    except StoreError as error:
        logger.warning("database_not_compacted", reason=error.for_operators)
        return [LOG]


async def _forget_events(services: Services, run_ids: Collection[str]) -> bool:
    try:
        await services.logs.forget(run_ids)
    except (OSError, VitalError) as error:
        logger.warning("events_not_forgotten", reason=str(error))
        return False
    return True
