"""``vital eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital_cli.options import Json

__all__ = ["evaluate"]


def evaluate(
    questions: Annotated[
        Path | None, typer.Argument(metavar="QUESTIONS", help="JSON list of questions with known answers.")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant", help="Ask as this tenant; by default, only the documents that all tenants share."
        ),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Fit the search and the threshold of answers to the questions.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Return to the values of the package.")] = False,
    as_json: Json = False,
) -> None:
    """Ask your own questions, and count how many are found, answered, and answered correctly.

    Each question has facts that a right answer contains, the files that hold it, or `"answerable": false`.
    With --tune the values that do best are kept for this tenant's searches from now on.
    """
    from vital_cli.evaluation import evaluate_questions, reset_tuning, tune_retrieval
    from vital_cli.session import open_session
    from vital_cli.terminal import write_json
    from vital_cli.views.evaluation import show_figures, show_reset, show_tuning
    from vital_shared.workflows.evaluation.questions import read_questions

    if (questions is None) != reset or (tune and reset):
        raise typer.BadParameter("give a file of questions, or --reset", param_hint="QUESTIONS")
    known = () if questions is None else read_questions(questions)
    with open_session() as session:
        if reset:
            show_reset(reset_tuning(session, tenant))
        elif tune:
            result = tune_retrieval(session, known, tenant)
            write_json(result) if as_json else show_tuning(result)
        else:
            figures = evaluate_questions(session, known, tenant)
            write_json(figures) if as_json else show_figures(figures)
