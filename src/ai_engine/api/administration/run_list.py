"""Runs: listed and searched, with what each has cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ai_engine.auth.caller import Caller, NotAllowed
from ai_engine.auth.permissions import ADMIN
from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen
from vital_shared.models.charge import Charge
from vital_shared.models.recorded_call import RecordedCall, count_unstored
from vital_shared.models.run_list import RunPage, RunQuery
from vital_shared.store.run_list import RunListStore

__all__ = ["RunCharges", "RunModelCalls", "router"]

router = APIRouter(prefix="/v1/runs", tags=["runs"])


class RunCharges(Frozen):
    """The written charges of a run, in order; money is whole nano-dollars."""

    charges: tuple[Charge, ...]


class RunModelCalls(Frozen):
    """The model calls stored with their prompts and answers, in the order of their start."""

    calls: tuple[RecordedCall, ...]
    not_stored: int
    """Calls of the run without stored words: those before prompts were stored, and those beyond what a run
    may store."""
    is_enabled: bool
    """Whether the engine stores the prompts and answers of new calls."""


@router.get("", summary="List runs")
async def list_runs(request: Request, query: Annotated[RunQuery, Query()]) -> RunPage:
    """List and search the tenant's runs, the newest first; without the tenant header, those of all.

    Answers from the cache are no runs.
    """
    engine = engine_of(request)
    if query.workflow:
        query = query.model_copy(update={"workflow": engine.workflows.stored_name_of(query.workflow)})
    store = RunListStore(engine.services.database, engine.services.now.recent_jump)
    page = await store.page(query, tenant_id=Caller.of(request).tenant_id, now=engine.services.now())
    named = (run.model_copy(update={"workflow": engine.workflows.shown(run.workflow)}) for run in page.runs)
    return page.model_copy(update={"runs": tuple(named)})


@router.get("/{run_id}/charges", summary="Show the cost of a run")
async def show_charges(request: Request, run_id: str) -> RunCharges:
    """Show the charges of a run: one for each call of a model or a tool, and each search of a source."""
    services = engine_of(request).services
    record = await services.runs.get(run_id, tenant_id=Caller.of(request).tenant_id, now=services.now())
    return RunCharges(charges=await services.runs.charges(record.id))


@router.get("/{run_id}/model-calls", summary="Show the prompts and answers of model calls")
async def show_model_calls(request: Request, run_id: str) -> RunModelCalls:
    """Show the prompt and the answer of each model call of a run, if they are stored.

    For administrators of the tenant, and for the run's own user with a verified token: prompts hold
    instructions of agents, and passages of documents.
    """
    caller, services = Caller.of(request), engine_of(request).services
    record = await services.runs.get(run_id, tenant_id=caller.tenant_id, now=services.now())
    if not caller.may(ADMIN) and caller.user_id != record.user_id:
        raise NotAllowed(ADMIN)
    calls = await services.runs.model_calls(record.id)
    return RunModelCalls(
        calls=calls,
        not_stored=count_unstored(await services.runs.charges(record.id), calls),
        is_enabled=services.settings.store_prompts,
    )
