"""``vital run``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, Waterfall

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

    record = with_services(lambda services: services.runs.get(run_id, tenant_id=None, now=services.now()))
    if as_json:
        write_json(record.model_dump(mode="json", exclude={"checkpoint"}))
    else:
        show_record(record)
    if waterfall and record.output is not None:
        say_drawing(waterfall_of(record.output.timings))
