"""Queries are built from the catalogue, and what is not in it cannot be asked for."""

import pytest

from vital_ops.promql import and_on, increase, mean, quantile, rate, scoped, select, sum_by
from vital_shared.monitoring.metrics import (
    CACHE_ENTRIES,
    QUALITY_SCORE,
    WORKFLOW_DURATION_SECONDS,
    WORKFLOW_REQUESTS_TOTAL,
)


def test_a_query_is_what_one_would_write_by_hand():
    assert scoped(select(CACHE_ENTRIES, tier="memory"), "") == 'vital_cache_entries{tier="memory"}'
    written = {
        sum_by(rate(WORKFLOW_REQUESTS_TOTAL, "5m", outcome=("success", "failed")), "mode"): (
            'sum by (mode) (rate(vital_workflow_requests_total{outcome=~"success|failed"}[5m]))'
        ),
        sum_by(increase(WORKFLOW_REQUESTS_TOTAL, "1h", mode="$mode")): (
            'sum(increase(vital_workflow_requests_total{mode=~"$mode"}[1h]))'
        ),
        quantile(0.95, WORKFLOW_DURATION_SECONDS, "5m", "mode"): (
            "histogram_quantile(0.95, sum by (le, mode) (rate(vital_workflow_duration_seconds_bucket[5m])))"
        ),
        mean(QUALITY_SCORE, "5m"): (
            "sum(rate(vital_quality_score_sum[5m])) / (sum(rate(vital_quality_score_count[5m])) > 0)"
        ),
    }
    for built, by_hand in written.items():
        assert scoped(built, "") == by_hand
    assert and_on("a > 1", "b > 2") == "a > 1 and on () b > 2"


def test_a_query_looks_at_the_engines_that_it_is_scoped_to():
    built = sum_by(rate(WORKFLOW_REQUESTS_TOTAL, "5m", outcome="failed"))
    assert (
        scoped(built, 'job="vital"')
        == 'sum(rate(vital_workflow_requests_total{job="vital",outcome="failed"}[5m]))'
    )
    assert scoped(select(CACHE_ENTRIES), 'job="vital"') == 'vital_cache_entries{job="vital"}'


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        (
            lambda: select(WORKFLOW_REQUESTS_TOTAL, colour="red"),
            "has no label colour: it has mode, tenant_id",
        ),
        (lambda: select(WORKFLOW_REQUESTS_TOTAL, outcome="fine"), 'is never "fine"'),
        (lambda: select(WORKFLOW_REQUESTS_TOTAL, "bucket"), 'it has no part "bucket"'),
        (lambda: select(WORKFLOW_DURATION_SECONDS), 'it has no part ""'),
        (lambda: rate(CACHE_ENTRIES, "5m"), "does not only grow"),
    ],
)
def test_what_is_not_in_the_catalogue_is_an_error(wrong, reported):
    with pytest.raises(ValueError, match=reported):
        wrong()
