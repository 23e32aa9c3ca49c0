"""The definition of an alert: one place for all that is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from vital_ops.promql import increase, sum_by
from vital_ops.rules.case import Case
from vital_ops.rules.rule import Recording
from vital_ops.thresholds import Threshold
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_TOTAL

__all__ = [
    "FAILING_TENANTS",
    "THE_HOLDER",
    "THE_TENANT",
    "THE_TIER",
    "AlertSpec",
    "Contributors",
    "Receiver",
    "Severity",
    "Team",
    "Unit",
]

Receiver: TypeAlias = Literal["slack", "pagerduty", "email"]
Severity: TypeAlias = Literal["critical", "warning", "none"]
Team: TypeAlias = Literal["platform", "performance", "finance", "quality"]
Unit: TypeAlias = Literal["share", "seconds", "dollars", "dollars an hour", "a second", "number"]

THE_TENANT: Final = "$labels.tenant_id"
"""The tenant of the alert, as a value of a label, in the query of contributors."""
THE_HOLDER: Final = "$labels.holder"
"""The tenant, or the organisation, whose limit the alert is about."""
THE_TIER: Final = "$labels.tier"


class Contributors(NamedTuple):
    """The contributors to an alert's value, the largest first."""

    label: str
    """The label that names them, such as ``tenant_id``."""
    query: Callable[[Threshold], str]
    """The contribution of each, by that label."""
    unit: Unit = "number"


FAILING_TENANTS: Final = Contributors(
    "tenant_id",
    lambda at: sum_by(increase(WORKFLOW_REQUESTS_TOTAL, at.range, outcome="failed"), "tenant_id"),
)
"""The tenants with most failed requests in a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSpec:
    """One alert: when it fires, what it says and to whom, and how that is tested."""

    name: str
    threshold: Threshold
    """Its numbers, where the configuration has no others."""
    fires_when: str
    """The condition in words, for the table of all alerts."""
    cases: Callable[[Threshold], Iterable[Case]]
    """The cases of its rule tests."""
    group: str
    """The rule group that it is evaluated in, without ``vital-``."""
    severity: Severity
    team: Team
    receivers: tuple[Receiver, ...]
    summary: str
    """One sentence, with the value as ``{value}`` and the threshold as ``{limit}``; see `message_numbers`."""
    description: str
    """The meaning of the alert."""
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: str
    """The key of the panel that shows it."""
    unit: Unit
    condition: Callable[[Threshold], str]
    """The expression that fires."""
    shown: str | None
    """The recorded series that has its value; None: the alert does not depend on an engine that is up."""
    labels: tuple[str, ...] = ()
    """The labels of its value."""
    is_lack: bool = False
    """Whether an outage looks like its condition; see `through_outages`."""
    contributors: Contributors | None = None
    own: tuple[tuple[str, str], ...] = ()
    """Labels that distinguish it from other alerts of its name; ``{percent}`` is its threshold."""
    records: Callable[[Threshold], str] | None = None
    """The expression of the series `shown`, where this alert alone makes it be recorded."""
    below: float = math.inf
    """The number that its threshold has to be below: with a greater one it never fires, or always."""
    only_value: float | None = None
    """The only threshold that it can have; None: any that is possible."""
    row: str = ""
    """The name of its row in the configuration; empty: the alert's name."""

    @property
    def key(self) -> str:
        """The name of its row in the configuration, which no other alert has."""
        return self.row or self.name

    def recording(self, threshold: Threshold) -> Recording | None:
        """Make the rule that records what is shown, where this alert alone has it recorded."""
        if self.records is None or self.shown is None:
            return None
        return Recording(self.shown, self.records(threshold))
