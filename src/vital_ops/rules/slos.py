"""Service level objectives, watched by how fast their error budgets burn, and the watchdog.

Each objective allows a share of bad events in 30 days, its budget. Two windows have to agree: the long one
that it matters, the short one that it still goes on. Burning 14.4 times too fast for an hour takes 2 % of the
budget, 6 times for six hours 5 %, and just too fast for three days 10 % (Google, The Site Reliability
Workbook, chapter 5, "Alerting on SLOs").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vital_ops.config import OpsConfig
from vital_ops.expressions.expression import QueryExpression
from vital_ops.promql import (
    Match,
    and_on,
    calculate,
    compare,
    in_brackets,
    increase,
    max_by,
    or_else,
    rate,
    ratio,
    recorded,
    sum_by,
)
from vital_ops.rules.alert import FAILING_TENANTS, Contributors, Receiver, Severity
from vital_ops.rules.alert_rule import labelled, named_contributors
from vital_ops.rules.outage import last_value, through_outages
from vital_ops.rules.recording import ALL
from vital_ops.rules.rule import AlertRule, Recording
from vital_ops.thresholds import Threshold, numbers
from vital_ops.uids import RELIABILITY
from vital_shared.monitoring.instrument import Counter, Histogram
from vital_shared.monitoring.metrics import (
    QUALITY_SCORE,
    TIME_TO_FIRST_TOKEN_SECONDS,
    WORKFLOW_REQUESTS_OVERALL_TOTAL,
)

__all__ = [
    "BAD_RATIO",
    "MIN_EVENTS",
    "OBJECTIVES",
    "SPEEDS",
    "WATCHDOG",
    "WINDOWS",
    "Objective",
    "burn_rate",
    "burns",
    "slo_alerts",
    "slo_recordings",
    "watchdog",
]

BAD_RATIO: Final = "vital:slo_bad:ratio"
MIN_EVENTS: Final = 20

WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")


class Burn(NamedTuple):
    """Two windows, and how many times too fast the budget burns in both."""

    long: str
    short: str
    times: float


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed at which a budget burns, and the receivers of its alert."""

    suffix: str
    burns: tuple[Burn, ...]
    hold: float
    severity: Severity
    receivers: tuple[Receiver, ...]


SPEEDS: Final = (
    Speed(
        "BurnsFast", (Burn("1h", "5m", 14.4), Burn("6h", "30m", 6)), 120, "critical", ("slack", "pagerduty")
    ),
    Speed("BurnsSlowly", (Burn("3d", "6h", 1),), 3_600, "warning", ("slack",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A share of events that has to be good."""

    name: str
    label: str
    """Its name as a label's value."""
    good: float
    """The share that has to be good. Below 93 % the fast alert could never fire: no more than all are bad."""
    bad_events: str
    """The bad events in words, as what a share is of."""
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: str
    """The key of the panel that shows it."""
    bad: Callable[[str], QueryExpression]
    """The query for bad events each second, in a window."""
    metric: Counter | Histogram
    contributors: Contributors
    """The largest contributors to the bad events of the alert's first window."""
    part: str = ""
    every: Mapping[str, Match] = field(default_factory=dict)
    """The labels by which a series of the metric counts as events."""

    def events(self, window: str) -> QueryExpression:
        """Return the query for events each second."""
        return sum_by(rate(self.metric, window, self.part, **self.every))

    def number(self, window: str) -> QueryExpression:
        """Return the query for events in a window."""
        return sum_by(increase(self.metric, window, self.part, **self.every))


def _late(window: str) -> QueryExpression:
    first = TIME_TO_FIRST_TOKEN_SECONDS
    in_time = sum_by(rate(first, window, "bucket", le="2.0"))
    return in_brackets(calculate(sum_by(rate(first, window, "count")), "-", in_time))


def _late_by_model(at: Threshold) -> QueryExpression:
    first = TIME_TO_FIRST_TOKEN_SECONDS
    in_time = sum_by(increase(first, at.range, "bucket", le="2.0"), "model")
    return calculate(sum_by(increase(first, at.range, "count"), "model"), "-", in_time)


OBJECTIVES: Final = (
    Objective(
        name="Availability",
        label="availability",
        good=0.99,
        bad_events="requests that fail",
        dashboard=RELIABILITY,
        panel="burn_availability",
        bad=lambda window: sum_by(rate(WORKFLOW_REQUESTS_OVERALL_TOTAL, window, outcome="failed")),
        metric=WORKFLOW_REQUESTS_OVERALL_TOTAL,
        contributors=FAILING_TENANTS,
        every={"outcome": ALL},
    ),
    Objective(
        name="FirstToken",
        label="first_token",
        good=0.95,
        bad_events="answers that take more than two seconds to their first token",
        dashboard=RELIABILITY,
        panel="burn_first_token",
        bad=_late,
        metric=TIME_TO_FIRST_TOKEN_SECONDS,
        contributors=Contributors("model", _late_by_model),
        part="count",
    ),
    Objective(
        name="Quality",
        label="quality",
        good=0.95,
        bad_events="answers with a quality of 0.7 or less",
        dashboard=RELIABILITY,
        panel="burn_quality",
        bad=lambda window: sum_by(rate(QUALITY_SCORE, window, "bucket", answerable="true", le="0.7")),
        metric=QUALITY_SCORE,
        contributors=Contributors(
            "mode",
            lambda at: sum_by(
                increase(QUALITY_SCORE, at.range, "bucket", answerable="true", le="0.7"), "mode"
            ),
        ),
        part="count",
        every={"answerable": "true"},
    ),
)

WATCHDOG: Final = "Watchdog"
"""An alert that always fires, so that silence is noticed."""


def burn_rate(objective: Objective, window: str) -> QueryExpression:
    """Write how many times too fast the budget of an objective burns in a window."""
    return calculate(
        recorded(BAD_RATIO, slo=objective.label, window=window), "/", round(1 - objective.good, 6)
    )


def watchdog(config: OpsConfig, dashboard_url: str) -> AlertRule:
    """Make the alert that always fires."""
    return AlertRule(
        name=WATCHDOG,
        expr="vector(1)",
        hold=0,
        labels=labelled(config, WATCHDOG, "none", "platform", ()),
        annotations={
            "summary": "Alerting works",
            "description": "Always fires. If it does not arrive for five minutes, no other alert would.",
            "runbook_url": config.runbook(WATCHDOG),
            "dashboard_url": dashboard_url,
        },
    )


def slo_recordings() -> Iterator[Recording]:
    """Make the shares of bad events, by objective and window."""
    for objective in OBJECTIVES:
        for window in WINDOWS:
            share = ratio(objective.bad(window), objective.events(window))
            yield Recording(BAD_RATIO, share, {"slo": objective.label, "window": window})


def slo_alerts(config: OpsConfig, panel_url: Callable[[str, str], str]) -> Iterator[AlertRule]:
    """Make two alerts for each objective: one wakes somebody, one is for the next day.

    :param panel_url: the address of a panel, by its dashboard's uid and its key.
    """
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            yield _alert(objective, speed, config, panel_url(objective.dashboard, objective.panel))


def _alert(objective: Objective, speed: Speed, config: OpsConfig, panel_url: str) -> AlertRule:
    name = f"{objective.name}{speed.suffix}"
    return AlertRule(
        name=name,
        expr=_through_outages(name, objective, speed, config),
        hold=speed.hold,
        labels=labelled(config, name, speed.severity, "platform", speed.receivers),
        annotations={
            "summary": f"{{{{ $value | humanizePercentage }}}} are {objective.bad_events}; "
            f"the objective allows {1 - objective.good:.0%}",
            "description": "The error budget of 30 days is burning too fast.",
            "runbook_url": config.runbook(name),
            "dashboard_url": panel_url,
        }
        | named_contributors(
            objective.contributors, config, numbers(1 - objective.good, speed.burns[0].long, "1m")
        ),
    )


def burns(objective: Objective, speed: Speed) -> QueryExpression:
    """Write the condition of an objective's alert."""
    return or_else(*(in_brackets(_burning(objective, burn)) for burn in speed.burns))


def _through_outages(name: str, objective: Objective, speed: Speed, config: OpsConfig) -> str:
    burn = speed.burns[0]
    series = f'{BAD_RATIO}{{slo="{objective.label}",window="{burn.long}"}}'
    value = f"max by (slo) ({last_value(series)})"
    environment = {"environment": config.environment} if config.environment else {}
    alert = {"alertname": name} | environment
    return through_outages(burns(objective, speed), value, alert, ("slo",), burn.short)


def _burning(objective: Objective, burn: Burn) -> QueryExpression:
    limit = float(f"{burn.times * (1 - objective.good):.4g}")
    both = (
        compare(max_by(recorded(BAD_RATIO, slo=objective.label, window=window), "slo"), ">", limit)
        for window in (burn.long, burn.short)
    )
    return and_on(*both, compare(objective.number(burn.long), ">=", MIN_EVENTS))
