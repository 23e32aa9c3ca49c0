"""``vital runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vital_cli.options import Json, examples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vital_shared.models.recorded_call import RecordedCall
    from vital_shared.models.run_list import RunQuery, RunSummary
    from vital_shared.store.store import Store

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The runs that are stored; `vital run RUN_ID` shows one.")


@app.command(
    "list",
    epilog=examples(
        "vital runs list",
        "vital runs list --status failed --from 2026-11-25 --tenant acme",
        "vital runs list --text pacemaker --min-cost 0.05 --json",
        "vital runs list --feedback negative",
    ),
)
def list_runs(
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="queued, running, awaiting_approval, completed, failed, cancelled or expired; once for each."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Words of the question, or an id.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    workflow: Annotated[
        str | None, typer.Option(help="Only of this workflow: base-workflow, or another that is listed.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="Only of this mode: 1, 2, 3 or 4.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Only answers of this model, or a part of its name.")
    ] = None,
    degraded: Annotated[
        bool | None, typer.Option("--degraded/--whole", help="Only degraded answers, or only the others.")
    ] = None,
    feedback: Annotated[
        str | None, typer.Option(help="Only with feedback: any, none, positive, negative or correction.")
    ] = None,
    min_cost: Annotated[
        str | None, typer.Option(help="Only runs that cost this many dollars or more.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option(help="Only runs that cost this many dollars or less.")
    ] = None,
    min_seconds: Annotated[
        str | None, typer.Option(help="Only runs that took this many seconds or more.")
    ] = None,
    max_seconds: Annotated[
        str | None, typer.Option(help="Only runs that took this many seconds or less.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Started on or after this day (UTC) or time.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Started before this day or time.")] = None,
    limit: Annotated[int, typer.Option(help="The number of runs, at most 200.")] = 20,
    cursor: Annotated[
        str | None, typer.Option(help="The next_cursor of the previous page, from --json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List and search runs, the newest first."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, show_table, write_json
    from vital_cli.workflow_names import served_names, stored_as
    from vital_shared.store.run_list import RunListStore

    given = {
        "status": tuple(status or ()), "text": text, "user": user, "mode": mode,
        "workflow": None if workflow is None else stored_as(workflow),
        "model": model, "degraded": degraded, "feedback": feedback, "min_cost_dollars": min_cost,
        "max_cost_dollars": max_cost, "min_seconds": min_seconds, "max_seconds": max_seconds,
        "from": start, "to": end, "limit": limit, "cursor": cursor,
    }  # fmt: skip
    query = _query({name: value for name, value in given.items() if value is not None})
    page = with_store(
        lambda store: RunListStore(store.database).page(query, tenant_id=tenant, now=store.now())
    )
    name = served_names()
    named = (run.model_copy(update={"workflow": name(run.workflow)}) for run in page.runs)
    page = page.model_copy(update={"runs": tuple(named)})
    if as_json:
        write_json(page)
    elif not page.runs:
        say("There are no such runs.", "yellow")
    else:
        show_table([_row(run) for run in page.runs])
        if page.next_cursor is not None:
            say(f"There are more: add --limit, or --cursor {page.next_cursor}.", "dim")


@app.command(
    "calls",
    epilog=examples(
        "vital runs calls run_1f00",
        "vital runs calls run_1f00 --call llm/2",
        "vital runs calls run_1f00 --json",
    ),
)
def list_calls(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")],
    item: Annotated[
        str | None, typer.Option("--call", help="Show the prompt and the answer of this call, such as llm/2.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the model calls that are stored with a run, if VITAL_STORE_PROMPTS is set."""
    from vital_cli.store_access import with_store
    from vital_cli.terminal import say, show_table, write_json

    calls, not_stored = with_store(lambda store: _stored_calls(store, run_id))
    if item is not None:
        calls = (_call_of(item, calls),)
    if as_json:
        write_json({"calls": calls, "not_stored": not_stored})
    elif item is not None:
        _show_words(calls[0])
    elif calls:
        show_table([_call_row(call) for call in calls])
    if not_stored:
        say(f"Not stored with their prompts and answers: {not_stored}.", "dim")
    elif not calls:
        say("The run has called no model.", "yellow")


async def _stored_calls(store: Store, run_id: str) -> tuple[tuple[RecordedCall, ...], int]:
    from vital_shared.models.recorded_call import count_unstored

    record = await store.runs.get(run_id, tenant_id=None, now=store.now())
    calls = await store.runs.model_calls(record.id)
    return calls, count_unstored(await store.runs.charges(record.id), calls)


def _call_of(item: str, calls: Iterable[RecordedCall]) -> RecordedCall:
    from vital_shared.errors import NotFound

    for call in calls:
        if call.item == item:
            return call
    raise NotFound(
        f"No call {item} is stored with the run: `vital runs calls` lists those that are", field="call"
    )


def _show_words(call: RecordedCall) -> None:
    from vital_cli.terminal import clean, say, write

    for message in call.messages:
        say(f"{message.role}:")
        write(f"{clean(message.content)}\n")
    say("answer:")
    write(f"{clean(call.answer)}\n")
    for tool in call.requested_tools:
        say(f"asks for {tool.name}:")
        write(f"{clean(tool.arguments)}\n")
    if call.is_cut:
        say("Parts of it are too long to be stored.", "yellow")


def _call_row(call: RecordedCall) -> dict[str, object]:
    return {
        "call": call.item,
        "node": call.node,
        "model": call.model,
        "status": call.status,
        "prompt": call.prompt,
        "tokens in": call.tokens.input,
        "tokens out": call.tokens.output,
        "cost $": None if call.cost_dollars is None else f"{call.cost_dollars:f}",
        "seconds": f"{call.seconds:.2f}",
        "error": call.error,
    }


def _query(given: dict[str, Any]) -> RunQuery:
    from pydantic import ValidationError

    from vital_cli.problems import invalid
    from vital_shared.models.run_list import RunQuery

    try:
        return RunQuery.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from error


def _row(run: RunSummary) -> dict[str, object]:
    seconds = run.duration_seconds
    return {
        "id": run.id,
        "begun": f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "status": run.status.replace("_", " ") + (" (degraded)" if run.degraded else ""),
        "tenant": run.tenant_id,
        "user": run.user_id,
        "workflow": run.workflow,
        "mode": run.mode.value,
        "model": run.model,
        "seconds": None if seconds is None else f"{seconds:.2f}",
        "cost $": None if run.cost_dollars is None else f"{run.cost_dollars:f}",
        "question": run.title,
    }
