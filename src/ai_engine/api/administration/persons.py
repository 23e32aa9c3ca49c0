"""Persons: all that is kept of a user, exported or erased.

The user stands in the body, not in the address: addresses are logged.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine, engine_of
from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen
from vital_shared.models.erasure import ErasureReport
from vital_shared.models.workflow_io import Id
from vital_shared.store.person_export import PersonExport
from vital_shared.workflows.erasure import erase_operator, erase_person

__all__ = ["ErasedPerson", "Person", "router"]

router = APIRouter(prefix="/v1", tags=["persons"])


MAX_FILE_BYTES: Final = 1_000_000_000
"""The file of SQLite that is written anew while requests wait: some seconds."""


class Person(Frozen):
    """A user of a tenant."""

    tenant_id: Id | None = None
    """None: the caller's tenant."""

    user_id: Id


class ErasedPerson(Person):
    """A user of a tenant, or one whom a token names for all tenants."""

    all_tenants: bool = False
    """Whether a token names the user for all tenants, which only a caller for all tenants may erase."""


def _body(model: type[Person]) -> dict[str, Any]:
    example = {"tenant_id": "acme", "user_id": "ann"}
    content = {"application/json": {"schema": model.model_json_schema(), "example": example}}
    return {"requestBody": {"required": True, "content": content}}


EXPORTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A line of JSON for each row.", "content": {"application/x-ndjson": {}}}
}


@router.post("/erasures", summary="Erase a person", openapi_extra=_body(ErasedPerson))
async def erase(request: Request) -> ErasureReport:
    """Delete all data of a user; the ledger and the audit log keep a pseudonym.

    Runs in progress are cancelled. Repeating it is harmless; if the outcome is `partial`, send it again.
    """
    engine = engine_of(request)
    person = await read_model(request, ErasedPerson, engine.settings.max_body_bytes)
    if person.all_tenants:
        _check_operator(Caller.of(request), person)
        return await erase_operator(engine.services, user_id=person.user_id, max_file_bytes=MAX_FILE_BYTES)
    tenant_id = _tenant(Caller.of(request), person)

    async def cancel(run_id: str) -> None:
        await _cancel_here(engine, run_id)

    return await erase_person(
        engine.services,
        tenant_id=tenant_id,
        user_id=person.user_id,
        cancel=cancel,
        forget=engine.hub.forget,
        max_file_bytes=MAX_FILE_BYTES,
    )


@router.post(
    "/exports",
    summary="Export a person",
    openapi_extra=_body(Person),
    response_class=StreamingResponse,
    responses=EXPORTED,
)
async def export(request: Request) -> StreamingResponse:
    """Send all data of a user in the store, as lines of JSON, each with its `kind`."""
    engine = engine_of(request)
    person = await read_model(request, Person, engine.settings.max_body_bytes)
    export = PersonExport(engine.services.database, _tenant(Caller.of(request), person), person.user_id)
    await export.note(engine.services.now())
    headers = {"Content-Disposition": 'attachment; filename="person.jsonl"'}
    return StreamingResponse(export.lines(), media_type="application/x-ndjson", headers=headers)


def _tenant(caller: Caller, person: Person) -> str:
    """Return the tenant of a person.

    :raises InvalidRequest: when no tenant is named, or another than the caller's.
    """
    tenant_id = person.tenant_id or caller.tenant_id
    if tenant_id is None:
        raise InvalidRequest("tenant_id is missing: name the tenant of the user", field="tenant_id")
    caller.check(tenant_id)
    return tenant_id


def _check_operator(caller: Caller, person: ErasedPerson) -> None:
    """See that the caller may erase a user of all tenants.

    :raises InvalidRequest: when a tenant is named too, or the caller is one of a tenant.
    """
    if person.tenant_id is not None or caller.tenant_id is not None:
        raise InvalidRequest(
            "all_tenants is not for a caller or a user of one tenant: leave it out, or the tenant",
            field="all_tenants",
        )


async def _cancel_here(engine: Engine, run_id: str) -> None:
    run = engine.hub.find(run_id)
    if run is not None and not run.ended.is_set():
        run.cancel()
        await run.ended.wait()
