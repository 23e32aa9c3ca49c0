"""``vital erase`` and ``vital export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from vital_shared.models.erasure import ErasureReport
    from vital_shared.store.store import Store

__all__ = ["erase", "export"]

TenantId = Annotated[str, typer.Option("--tenant", help="The tenant of the user.")]
UserId = Annotated[str, typer.Option("--user", help="The user, as requests name it.")]


def erase(
    user: UserId,
    tenant: Annotated[str | None, typer.Option("--tenant", help="The tenant of the user.")] = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="A token names the user for all tenants.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete all data of a user; the ledger and the audit log keep a pseudonym.

    Repeating it is harmless. It exits with 1 if a part could not be erased now.
    """
    from vital_cli.session import with_services
    from vital_cli.terminal import say, show_fields, write_json
    from vital_shared.workflows.erasure import erase_operator, erase_person

    if (tenant is not None) == all_tenants:
        raise typer.BadParameter(
            "say whose user it is, with one of them", param_hint="--tenant, --all-tenants"
        )
    _check(tenant, user)
    report: ErasureReport = with_services(
        lambda services: (
            erase_operator(services, user_id=user)
            if tenant is None
            else erase_person(services, tenant_id=tenant, user_id=user)
        )
    )
    if as_json:
        write_json(report)
    else:
        show_fields(
            {
                "pseudonym": report.pseudonym,
                "cancelled runs": report.cancelled_runs,
                "cached answers": report.cached_answers,
                **{name.replace("_", " "): number for name, number in report.rows.model_dump().items()},
            }
        )
        say("An engine that runs lets go of cached answers and events in its memory by itself.", "dim")
    for each in report.left:
        say(each, "yellow")
    if report.outcome == "partial":
        raise typer.Exit(1)


def export(
    tenant: TenantId,
    user: UserId,
    output: Annotated[
        str | None,
        typer.Option(help="The file to write, such as ann.jsonl or ann.zip; default: stdout."),
    ] = None,
) -> None:
    """Print all data of a user in the store, as lines of JSON, each with its kind."""
    import sys
    from io import TextIOWrapper
    from pathlib import Path
    from zipfile import ZIP_DEFLATED, ZipFile

    from vital_cli.terminal import say

    _check(tenant, user)
    if output is None:
        _write_lines(tenant, user, sys.stdout)
        return
    path = Path(output)
    _keep_private(path)
    if path.suffix == ".zip":
        with ZipFile(path, "w", ZIP_DEFLATED) as archive, archive.open("person.jsonl", "w") as raw:
            _write_lines(tenant, user, TextIOWrapper(raw, encoding="utf-8", write_through=True))
    else:
        with path.open("w", encoding="utf-8") as file:
            _write_lines(tenant, user, file)
    say(f"Wrote {path}: keep it as you keep what stands in it.", "green")


def _keep_private(path: Path) -> None:
    """Make an empty file that only its owner may read.

    :raises InvalidRequest: when its folder takes no file.
    """
    from vital_shared.errors import InvalidRequest

    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror or error}") from error


def _write_lines(tenant: str, user: str, file: IO[str]) -> None:
    from vital_cli.store_access import with_store
    from vital_shared.store.person_export import PersonExport

    async def written(store: Store) -> None:
        person = PersonExport(store.database, tenant, user)
        await person.note(store.now())
        async for line in person.lines():
            file.write(line)

    with_store(written)


def _check(tenant: str | None, user: str) -> None:
    """See that both could be ids; without a tenant, the user.

    :raises InvalidRequest: when one is none.
    """
    from pydantic import TypeAdapter, ValidationError

    from vital_shared.errors import InvalidRequest
    from vital_shared.models.workflow_io import Id

    for name, value in (("--tenant", tenant), ("--user", user)):
        if value is None:
            continue
        try:
            TypeAdapter(Id).validate_python(value)
        except ValidationError as error:
            raise InvalidRequest(f"{name} has to be 1 to 128 letters, digits and _ . : @ -") from error
