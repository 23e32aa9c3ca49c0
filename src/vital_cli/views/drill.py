"""A drill in words: what happens, as it happens, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vital_cli.terminal import say, show_table
from vital_ops.drill.journey import Journey, Receiver

__all__ = ["show_journeys", "show_station"]


def show_station(journey: Journey, station: str, seconds: float) -> None:
    """Print that an alert has come to a station."""
    say(f"{seconds:6.1f} s  {journey.alert:<22} {station}")


def show_journeys(journeys: Sequence[Journey]) -> None:
    """Show all alerts with their times, and say what went wrong."""
    show_table([_row(journey) for journey in journeys])
    failures = [journey.failure for journey in journeys if journey.failure]
    for failure in failures:
        say(failure, "red")
    there = sum(journey.failure is None for journey in journeys)
    say(
        f"{there} of {len(journeys)} alerts fired, came to their receivers, and ended.",
        "red" if failures else "green",
    )


def _row(journey: Journey) -> dict[str, object]:
    return {
        "alert": journey.alert,
        "fault": journey.fault,
        "pending": _seconds(journey.pending),
        "firing": _seconds(journey.firing),
        "delivered": _times(journey.delivered),
        "over": _times(journey.resolved),
        "result": "failed" if journey.failure else "ok",
    }


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"


def _times(times: Mapping[Receiver, float]) -> str:
    return ", ".join(f"{receiver} {seconds:.1f} s" for receiver, seconds in sorted(times.items()))
