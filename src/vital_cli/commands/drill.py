"""``vital drill``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json

__all__ = ["drill"]


def drill(
    alerts: Annotated[
        list[str] | None, typer.Argument(metavar="ALERT...", help="Such as HighErrorRate; see docs/runbooks.")
    ] = None,
    all_alerts: Annotated[bool, typer.Option("--all", help="All of them, at once.")] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Notify the real Slack, PagerDuty and mail of the environment instead of stand-ins.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Cause the fault that an alert is for, and follow the alert to its receivers, and back.

    It takes an engine, a Prometheus and an Alertmanager of its own, in which time runs faster, and touches
    nothing else. Press Ctrl-C to stop.
    """
    from dataclasses import asdict
    from importlib.util import find_spec

    if find_spec("aiosmtpd") is None:
        from vital_shared.errors import ConfigurationError

        raise ConfigurationError("A drill needs more packages: run `pip install 'vital-engine[ops]'`.")
    from vital_cli.drill_run import run_drill
    from vital_cli.problems import EXIT_FAILED
    from vital_cli.terminal import write_json
    from vital_cli.views.drill import show_journeys

    if bool(alerts) == all_alerts:
        raise typer.BadParameter("name alerts, or give --all", param_hint="ALERT, --all")
    journeys = run_drill(alerts or None, live=live)
    if as_json:
        write_json([asdict(journey) | {"failure": journey.failure} for journey in journeys])
    else:
        show_journeys(journeys)
    if any(journey.failure for journey in journeys):
        raise typer.Exit(EXIT_FAILED)
