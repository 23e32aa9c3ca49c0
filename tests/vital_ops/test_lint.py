"""The linter finds what would show nothing, or never fire; and there is nothing to find in ours."""

import pytest

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.lint.lint import all_known, lint_boards, lint_query, lint_rules
from vital_ops.rules.groups import recordings
from vital_ops.rules.slos import slo_recordings

KNOWN = all_known([*recordings(DEFAULT_CONFIG.thresholds), *slo_recordings()])


def faults(expr: str, *, in_panel: bool = False) -> list[str]:
    return lint_query(expr, KNOWN, in_panel=in_panel)[1]


def test_there_is_nothing_wrong_with_our_rules_and_alerts():
    assert list(lint_rules(DEFAULT_CONFIG)) == []


def test_there_is_nothing_wrong_with_our_dashboards():
    assert list(lint_boards(boards(DEFAULT_CONFIG), DEFAULT_CONFIG.thresholds)) == []


@pytest.mark.parametrize(
    ("expr", "reported"),
    [
        ("sum(rate(vital_workflow_request_total[5m]))", "unknown metric vital_workflow_request_total"),
        ("vital:errors", "unknown metric vital:errors"),
        ('sum(vital_workflow_active{tenant_id="a"})', "vital_workflow_active has no label tenant_id"),
        ("sum(rate(vital_workflow_active[5m]))", "rate of vital_workflow_active, which does not only grow"),
        ("sum(increase(vital:cost_dollars:day[5m]))", "increase of vital:cost_dollars:day"),
        ("sum(vital_workflow_requests_total)", "is a counter: ask for its rate or increase"),
        ("sum(vital_quality_score_bucket)", "is a counter: ask for its rate or increase"),
        (
            "histogram_quantile(0.9, sum by (mode) (rate(vital_workflow_duration_seconds_bucket[5m])))",
            "needs sum by (le",
        ),
        (
            "histogram_quantile(0.9, rate(vital_workflow_duration_seconds_bucket[5m]))",
            "needs sum by (le",
        ),
        (
            "histogram_quantile(0.9, sum by (le) (vital_workflow_duration_seconds_bucket))",
            "is a counter: ask for its rate or increase",
        ),
        ("vital_quality_score > 1", "unknown metric vital_quality_score"),  # a histogram's bare name
        (
            "sum by (mode) (rate(vital_degraded_responses_total[5m])) / sum(rate(vital_workflow_requests_total[5m]))",
            "the sides of / have different labels, (mode) and ()",
        ),
        (
            'rate(vital_tool_executions_total{status="failed"}[5m]) / sum by (tool) (rate(vital_tool_executions_total[5m]))',
            "the sides of / have different labels",
        ),
        (
            "vital:workflow_errors:ratio > 1 and on (mode) vital_workflow_active > 1",
            "on (mode) where not both",
        ),
        ("sum by (user_id) (rate(vital_workflow_requests_total[5m]))", "no label user_id to group by"),
        ("sum(rate(vital_workflow_requests_total[5m])", "cannot be parsed"),
    ],
)
def test_each_fault_is_found(expr, reported):
    found = faults(expr)
    assert any(reported in fault for fault in found), found


def test_a_fixed_range_in_a_panel_is_found():
    expr = "sum(rate(vital_workflow_requests_total[5m]))"
    assert faults(expr) == []
    assert "fixed range" in faults(expr, in_panel=True)[0]
    assert faults(expr.replace("5m", "$__rate_interval"), in_panel=True) == []


def test_a_legend_that_names_what_is_not_there_is_found():
    from dataclasses import replace

    from vital_ops.dashboards.panel import Query

    board = boards(DEFAULT_CONFIG)[0]
    panel = board.panels[0]
    wrong = replace(panel, queries=(Query(panel.queries[0].expr, "{{tenant}}"),))
    (fault,) = lint_boards([replace(board, panels=[wrong], sections=())], DEFAULT_CONFIG.thresholds)
    assert fault.what == "the legend names tenant, which the query does not give"


@pytest.mark.parametrize(
    "expr",
    [
        "topk(3, sum by (tenant_id) (rate(vital_workflow_requests_total[5m])))",
        "vital:cost_dollars:per_hour > 2 * (vital:cost_dollars:per_hour offset 1h)",
        "time() - max by (instance) (process_start_time_seconds)",
        "-sum(vital_workflow_active) + 1",
        "sum without (tier) (vital_cache_entries) / sum without (tier) (vital_cache_capacity_entries)",
    ],
)
def test_what_is_right_is_left_alone(expr):
    assert faults(expr) == []
