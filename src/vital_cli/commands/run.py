"""``vital run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vital_cli.options import Json, Waterfall

if TYPE_CHECKING:
    from vital_shared.models.run_decision import RunDecision
    from vital_shared.store.runs import RunRecord
    from vital_shared.workflows.services import Services

__all__ = ["run"]


def run(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id; every answer ends with it.")],
    as_json: Json = False,
    waterfall: Waterfall = False,
) -> None:
    """Show a run: its question, its answer, and how it ended."""
    from vital_cli.session import with_services
    from vital_cli.terminal import say_drawing, write_json
    from vital_cli.views.stored import show_record
    from vital_cli.views.words import waterfall_of
    from vital_cli.workflow_names import served_names

    async def read(services: Services) -> tuple[RunRecord, tuple[RunDecision, ...]]:
        record = await services.runs.get(run_id, tenant_id=None, now=services.now())
        return record, await services.runs.decisions(run_id)

    record, decisions = with_services(read)
    if as_json:
        decided = [decision.model_dump(mode="json") for decision in decisions]
        named = {"workflow": served_names()(record.workflow), "decisions": decided}
        write_json(record.model_dump(mode="json", exclude={"checkpoint"}) | named)
    else:
        show_record(record, decisions)
    if waterfall and record.output is not None:
        say_drawing(waterfall_of(record.output.timings))
