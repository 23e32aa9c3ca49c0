"""``vital batch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital_cli.options import Json

__all__ = ["batch"]


def batch(
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="QUESTIONS",
            help="A file of JSON lines: a question each, or fields of the workflow's input.",
        ),
    ],
    results: Annotated[
        Path | None,
        typer.Option(help="The file for the answers; by default QUESTIONS with the ending .results.jsonl."),
    ] = None,
    tenant: Annotated[
        str, typer.Option(help="The tenant whose documents are searched, in addition to the shared ones.")
    ] = "local",
    user: Annotated[str, typer.Option(help="The user of the requests.")] = "local",
    workflow: Annotated[
        str | None,
        typer.Option(
            help="The workflow that answers: a name in the configuration, module:Class, or file.py:Class; "
            "by default the one that `vital serve` asks."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of every line's input; repeatable."),
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the runs of this batch, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Answer a file of questions in the background; started again, it continues where it left off.

    A line that has an answer is not asked again. A line may have a `custom_id`, which its answer has, too.
    Exits with 1 when a line has no answer, and with 3 when one waits for approval.
    """
    from vital_cli.batch.lines import read_lines
    from vital_cli.batch.progress import run_with_progress, show_summary
    from vital_cli.batch.results import ResultsFile
    from vital_cli.batch.run import Batch
    from vital_cli.own_input import read_settings
    from vital_cli.problems import EXIT_FAILED, EXIT_WAITING
    from vital_cli.session import open_session
    from vital_cli.terminal import say, write_json
    from vital_cli.workflow_names import find_named_workflow

    found = find_named_workflow(workflow)
    common = {"mode": "2", "tenant_id": tenant, "user_id": user} | read_settings(found.input_type, set_ or ())
    lines = read_lines(questions, found.input_type, common)
    target = results or questions.with_suffix(".results.jsonl")
    with open_session() as session, ResultsFile.open(target, lines) as file:
        work = Batch(found.with_services(session.services), lines, file)
        if cancel:
            say(f"Cancelled {session.run(work.cancel())} of {len(lines)} lines.", "green")
            return
        run_with_progress(session, work)
        summary = file.finish()
    if as_json:
        write_json(summary)
    else:
        show_summary(summary, target)
    if summary.failed:
        raise typer.Exit(EXIT_FAILED)
    if summary.waiting:
        raise typer.Exit(EXIT_WAITING)
