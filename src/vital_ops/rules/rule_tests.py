"""Tests of all alerts: each fires, not just below its threshold, not on too little, and is over again.

They hold for Prometheus 2 and 3 alike, whose windows differ by one sample: all series are straight lines, and
no check stands at the edge of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from vital_ops.config import OpsConfig, Threshold
from vital_ops.rules.case import Case, write_cases
from vital_ops.rules.groups import ALERT, ALERT_GROUPS, EVERY_ALERT, RECORDING, RECORDING_GROUP
from vital_ops.rules.judged_tests import degraded, falling, late, rising, timed_out
from vital_ops.rules.level_tests import daily_cost, evictions, fullness
from vital_ops.rules.recording import (
    DEGRADATION_RATIO,
    DURATION,
    ERROR_RATIO,
    HIT_RATIO,
    MEAN_QUALITY,
    RAG_FAILURE_RATIO,
    TOOL_FAILURE_RATIO,
)
from vital_ops.rules.reliability_tests import RELIABILITY_CASES
from vital_ops.rules.shapes import errors, hits, quality, searches, tools
from vital_ops.rules.slo_tests import slo_cases, slo_tests
from vital_ops.rules.spike_tests import spike
from vital_ops.rules.timing import Timing

__all__ = ["rule_cases", "rule_tests"]

COMMENT: Final = "Built by `vital ops build`: promtool test rules prometheus-rules/tests/*.yml"

ORDER: Final = (RECORDING_GROUP, *ALERT_GROUPS)

CASES: Final[Mapping[str, Callable[[Threshold], Iterable[Case]]]] = {
    **RELIABILITY_CASES,
    "HighErrorRate": lambda at: rising(at, errors, ERROR_RATIO),
    "HighLatency": lambda at: late(at, 0.95, f'{DURATION}{{quantile="0.95"}} >= 0'),
    "VeryHighLatency": lambda at: late(at, 0.99, f'{DURATION}{{quantile="0.99"}} >= 0'),
    "LowCacheHitRate": lambda at: falling(at, hits, HIT_RATIO),
    "CacheNearCapacity": fullness,
    "HighCacheEvictionRate": evictions,
    "HighDailyCost": daily_cost,
    "SuddenCostSpike": spike,
    "LowQualityScore": lambda at: falling(at, quality, MEAN_QUALITY),
    "HighDegradationRate": lambda at: degraded(at, DEGRADATION_RATIO),
    "HighToolFailureRate": lambda at: rising(at, tools, TOOL_FAILURE_RATIO),
    "HighRAGFailureRate": lambda at: (
        *rising(at, searches, RAG_FAILURE_RATIO),
        timed_out(at, partial(searches, timed_out=1)),
    ),
}


def rule_cases(config: OpsConfig) -> dict[str, list[Case]]:
    """Make the cases of all alerts, by the names of their rows in the configuration."""
    return {name: [*cases(config.threshold(name))] for name, cases in CASES.items()} | slo_cases()


def rule_tests(config: OpsConfig) -> dict[str, str]:
    """Write all tests, by the names of their files."""
    written: dict[str, str] = {}
    for alert in EVERY_ALERT:
        at = config.threshold(alert.key)
        written |= write_cases(
            alert.name,
            CASES[alert.key](at),
            COMMENT,
            selector=config.selector,
            rules=(RECORDING, ALERT),
            groups=ORDER,
            labels=alert.rule(config, "").labels,
            step=Timing.of(at).step,
            file=alert.key,
        )
    return written | slo_tests(COMMENT, config)
