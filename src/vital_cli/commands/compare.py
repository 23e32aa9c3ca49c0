"""``vital compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json

__all__ = ["compare"]


def compare(
    questions: Annotated[
        int, typer.Option("--questions", min=20, max=5_000, help="Questions of each load.")
    ] = 1_000,
    per_second: Annotated[
        float, typer.Option("--per-second", min=1, max=200, help="Questions per second.")
    ] = 40,
    prometheus: Annotated[
        str | None,
        typer.Option(
            "--prometheus",
            help="Prometheus of a running `vital up`; its dashboards and alerts then show this too.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what running nodes in parallel, the cache, hedged searches and streaming are worth.

    It takes an engine and a Prometheus of its own, whose parts take as long as those of a real workflow
    (long-tailed around 200, 1500, 800 and 300 ms), and reads all figures from Prometheus.

    With --prometheus, VITAL_GRAFANA_URL and VITAL_GRAFANA_TOKEN, the times of the sequential and the parallel
    nodes are marked on the dashboards.
    """
    from vital_cli.comparison_run import run_comparison
    from vital_cli.terminal import write_json
    from vital_cli.views.compare import comparison, show_comparison

    found = comparison(run_comparison(questions, per_second, prometheus))
    if as_json:
        write_json(found)
    else:
        show_comparison(found)
    if not (found.parallel and found.cache and found.hedging and found.streaming and found.cumulative):
        raise typer.Exit(1)
