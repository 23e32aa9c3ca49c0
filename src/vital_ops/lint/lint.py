"""Say what is wrong with queries: of panels, of rules and of alerts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

import promql_parser as promql

from vital_ops.config import OpsConfig
from vital_ops.dashboards.panel import INTERVAL, RANGE, Board
from vital_ops.durations import write_seconds
from vital_ops.lint.checking import Labels, Walk
from vital_ops.lint.known import Known, catalogue, recorded
from vital_ops.promql import scoped
from vital_ops.rules.files import alert_rules, slo_rules
from vital_ops.rules.groups import recordings
from vital_ops.rules.rule import Recording, Rule
from vital_ops.rules.slos import slo_recordings
from vital_ops.thresholds import Thresholds

__all__ = ["LintFault", "all_known", "lint_boards", "lint_query", "lint_rules"]

_FIXED: Final = re.compile(r"\[(\d[^\]]*)\]")
_NAMED: Final = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


class LintFault(NamedTuple):
    """Something that is wrong."""

    where: str
    what: str


def lint_query(
    expr: str, known: Known, *, in_panel: bool = False, windows: Collection[str] = ()
) -> tuple[Labels, list[str]]:
    """Return the labels of a query's value, and what is wrong with it.

    :param in_panel: whether Grafana says how long a window is, and not the query.
    :param windows: those of alerts, which a panel may have as well.
    """
    faults = [
        f"[{fixed}] is a fixed range, where {INTERVAL}, {RANGE} or an alert's window belongs"
        for fixed in _FIXED.findall(expr)
        if in_panel and fixed not in windows
    ]
    try:
        parsed = promql.parse(scoped(expr, 'job="vital"').replace(INTERVAL, "5m").replace(RANGE, "5m"))
    except ValueError as error:
        return frozenset(), [*faults, f"cannot be parsed: {error}"]
    walk = Walk(known)
    labels = walk.labels(parsed)
    return labels, faults + walk.faults


def all_known(rules: Iterable[Recording]) -> Known:
    """List all that there is to ask for: the catalogue, and what rules record."""
    known, rules = catalogue(), list(rules)
    labels = {rule.name: lint_query(rule.expr, known)[0] or frozenset() for rule in rules}
    return known | recorded(rules, labels)


def lint_rules(config: OpsConfig) -> Iterator[LintFault]:
    """Check all rules and alerts."""
    rules = [*recordings(config.thresholds), *slo_recordings()]
    known = all_known(rules)
    alerts = (rule for group in alert_rules(config).values() for rule in group)
    checked: list[Rule] = [*rules, *alerts, *slo_rules(config)]
    for rule in checked:
        for what in lint_query(rule.expr, known)[1]:
            yield LintFault(rule.name, what)


def lint_boards(boards: Iterable[Board], thresholds: Thresholds) -> Iterator[LintFault]:
    """Check all queries of all panels, and that a legend names labels that are there."""
    known = all_known([*recordings(thresholds), *slo_recordings()])
    windows = {each.range for each in thresholds.values()} | {
        write_seconds(each.before) for each in thresholds.values()
    }
    for board in boards:
        for panel in board.all_panels:
            for query in panel.queries:
                labels, faults = lint_query(query.expr, known, in_panel=True, windows=windows)
                missing = set(_NAMED.findall(query.legend)) - (labels or frozenset())
                legends = [
                    f"the legend names {name}, which the query does not give" for name in sorted(missing)
                ]
                for what in (*faults, *legends):
                    yield LintFault(f"{board.title}, {panel.title}", what)
