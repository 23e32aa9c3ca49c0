"""A drill from the command line: with stand-ins for the receivers, or the real ones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from vital_cli.settings import load_settings
from vital_cli.terminal import say
from vital_cli.views.drill import show_station
from vital_ops.drill.drill import Drill
from vital_ops.drill.fault_makers import Site
from vital_ops.drill.faults import FAULTS
from vital_ops.drill.journey import Journey, Receiver
from vital_ops.drill.models import PRICES
from vital_ops.drill.outage import ENGINE_DOWN, OutageDrill
from vital_ops.drill.receivers import Live, StandingIn
from vital_ops.drill.scaled_rules import receivers_of_alerts, scaled_rules
from vital_ops.drill.stand_in_destinations import stand_in_destinations
from vital_ops.marks import DRILL_TAGS, GrafanaSettings, Mark, MarkFailed, mark
from vital_ops.receivers.stand_ins import stand_ins
from vital_ops.routing import INCIDENT, QUICK, routing
from vital_ops.stack.notification_settings import NotificationSettings
from vital_ops.stack.scratch import scratch
from vital_shared.errors import InvalidRequest

__all__ = ["run_drill"]

SMALL_CACHE: Final = {
    "VITAL_CACHE_ENTRIES": "40",  # soon full
    "VITAL_CACHE_TTL_SECONDS": "5",  # and soon empty again
}

NEED_STAND_INS: Final = frozenset({ENGINE_DOWN}).union(
    *(fault.alerts for fault in FAULTS if fault.needs_stand_ins)
)
"""Alerts that cannot be drilled live."""

ENGINE: Final = (sys.executable, "-m", "vital_ops.drill.engine")


def run_drill(names: Sequence[str] | None, *, live: bool) -> list[Journey]:
    """Drill some alerts, or all; progress is reported on stderr.

    :raises InvalidRequest: when there is no such alert.
    :raises ChildFailed: when engine, Prometheus or Alertmanager do not start.
    """
    return asyncio.run(_run(_chosen(names), live=live))


def _chosen(names: Sequence[str] | None) -> dict[str, frozenset[Receiver]]:
    """Look up alerts and their receivers."""
    known = receivers_of_alerts()
    for name in names or ():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
            raise InvalidRequest(f"There is no alert {name}: {hint}")
    return {name: known[name] for name in names or known}


async def _run(alerts: Mapping[str, frozenset[Receiver]], *, live: bool) -> list[Journey]:
    with TemporaryDirectory(prefix="vital-drill-") as temporary:
        folder = Path(temporary)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            began = datetime.now(UTC)
            journeys = await (_live if live else _played)(alerts, folder, client)
            await _mark(
                client, Mark(began, datetime.now(UTC), f"vital drill: {', '.join(alerts)}", DRILL_TAGS)
            )
            return journeys


async def _mark(client: aiohttp.ClientSession, drilled: Mark) -> None:
    """Mark the drill on the dashboards; where Grafana refuses that, say so."""
    try:
        await mark(client, GrafanaSettings(), [drilled])
    except MarkFailed as error:
        say(str(error), "yellow")


async def _played(
    alerts: Mapping[str, frozenset[Receiver]], folder: Path, client: aiohttp.ClientSession
) -> list[Journey]:
    async with stand_ins() as stands:

        def made(engine_url: str, key_file: Path) -> str:
            to = stand_in_destinations(folder, stands, engine_url=engine_url, engine_key_file=key_file)
            return routing(to, QUICK)

        async with scratch(
            folder, ENGINE, scaled_rules(), made, say, prices=PRICES, settings=SMALL_CACHE
        ) as at:
            receivers = StandingIn(stands.inbox)
            faults = {name: places for name, places in alerts.items() if name != ENGINE_DOWN}
            journeys = await Drill(client, at, receivers, show_station).run(faults) if faults else []
            if ENGINE_DOWN in alerts:
                outages = OutageDrill(Site(client, at), receivers, receivers_of_alerts(), show_station)
                journeys.append(await outages.run())
            return journeys


async def _live(
    alerts: Mapping[str, frozenset[Receiver]], folder: Path, client: aiohttp.ClientSession
) -> list[Journey]:
    settings = load_settings(NotificationSettings)
    there = {
        alert: receivers & settings.places.keys()
        for alert, receivers in alerts.items()
        if alert not in NEED_STAND_INS
    }
    if not there:
        raise InvalidRequest(
            f"{' and '.join(alerts)} cannot be drilled live: real receivers refuse no message when they are "
            "asked to, nor say what they received. Leave out --live."
        )

    def made(engine_url: str, key_file: Path) -> str:
        to = settings.destinations(folder, engine_url=engine_url, engine_key_file=key_file)
        # `Live` counts a request for each alert: none may join another's notification
        return routing(to, QUICK, group_by=[*INCIDENT, "alertname"])

    async with scratch(folder, ENGINE, scaled_rules(), made, say, prices=PRICES, settings=SMALL_CACHE) as at:
        return await Drill(client, at, Live(client, at.alertmanager), show_station).run(there)
