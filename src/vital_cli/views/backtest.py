"""The alerts as they would have fired, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from vital_cli.terminal import show_table
from vital_ops.backtest.backtest import Tested
from vital_ops.backtest.firings import Firing
from vital_ops.durations import write_seconds
from vital_ops.promql import write_number

__all__ = ["show_backtest"]


def show_backtest(tested: Sequence[Tested]) -> None:
    """Print a line for each alert."""
    show_table([_row(each) for each in tested])


def _describe_firing(firing: Firing) -> str:
    return f"{firing.began:%Y-%m-%d %H:%M} for {write_seconds(round(firing.seconds))}"


def _row(each: Tested) -> dict[str, object]:
    return {
        "alert": each.alert,
        "threshold": None if each.threshold is None else write_number(each.threshold.value),
        "fired": len(each.firings),
        "when": ", ".join(map(_describe_firing, each.firings)),
        "suggested": None if each.suggested is None else write_number(each.suggested),
    }
