"""Baselines and their comparisons in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from vital_cli.baselines import Baseline, BaselineComparison
from vital_cli.terminal import say, show_table, write_json
from vital_ops.baseline.comparison import estimates
from vital_ops.baseline.estimate import CONFIDENCE, IntervalEstimate
from vital_ops.baseline.period_figures import PeriodFigures

__all__ = ["show_baseline", "show_baselines", "show_comparison"]

SOURCE = "From the engine's own counts in the store, with the buckets of the metric's histogram."


def show_baselines(baselines: Sequence[Baseline], *, as_json: bool) -> None:
    """List baselines."""
    if as_json:
        write_json(baselines)
        return
    show_table(
        [
            {
                "name": each.name,
                "from": f"{each.figures.start:%Y-%m-%d %H:%M}",
                "to": f"{each.figures.end:%Y-%m-%d %H:%M}",
                "tenant": each.figures.tenant_id or "all",
                "requests": each.figures.requests.ended,
            }
            for each in baselines
        ]
    )


def show_baseline(baseline: Baseline, *, as_json: bool) -> None:
    """Print the figures of one."""
    if as_json:
        write_json(baseline)
        return
    say(f"{baseline.name}: {_period(baseline.figures)}")
    say(f"{SOURCE} Intervals of {CONFIDENCE:.0%}.")
    show_table(
        [
            {"figure": name, "value": _value(found, unit), "interval": _interval(found, unit)}
            for name, unit, _, found in estimates(baseline.figures)
        ]
    )


def show_comparison(found: BaselineComparison, *, as_json: bool) -> None:
    """Print each figure of both periods, and a verdict."""
    if as_json:
        write_json(found)
        return
    say(f"{found.baseline.name}: {_period(found.baseline.figures)}")
    say(f"now: {_period(found.after)}")
    say(f"{SOURCE} A change counts where its interval of {CONFIDENCE:.0%} leaves out none.")
    show_table(
        [
            {
                "figure": each.name,
                "before": _value(each.before, each.unit),
                "now": _value(each.after, each.unit),
                "change": _value(each.change, each.unit, sign="+"),
                "interval of the change": _interval(each.change, each.unit, sign="+"),
                "verdict": each.verdict,
            }
            for each in found.figures
        ]
    )


def _period(figures: PeriodFigures) -> str:
    tenant = "all tenants" if figures.tenant_id is None else f"tenant {figures.tenant_id}"
    requests = figures.requests.ended
    return (
        f"{figures.start:%Y-%m-%d %H:%M} to {figures.end:%Y-%m-%d %H:%M} UTC, {tenant}, {requests} requests"
    )


def _value(estimate: IntervalEstimate | None, unit: str, sign: str = "") -> str:
    return "too little data" if estimate is None else _number(estimate.value, unit, sign)


def _interval(estimate: IntervalEstimate | None, unit: str, sign: str = "") -> str:
    if estimate is None:
        return "-"
    return f"{_number(estimate.low, unit, sign)} to {_number(estimate.high, unit, sign)}"


def _number(value: float, unit: str, sign: str) -> str:
    if isinf(value):
        return "unknown"
    if unit == "share":
        return f"{100 * value:{sign}.1f} %"
    if unit == "dollars":
        return f"{value:{sign}.6f} $"
    return f"{value:{sign}.3f}{' s' if unit == 'seconds' else ''}"
