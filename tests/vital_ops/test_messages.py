"""Messages of alerts: each has its value and its threshold, and all numbers in it are the configuration's."""

import re

import pytest

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.durations import spell_seconds
from vital_ops.rules.alert_rule import alert_rule
from vital_ops.rules.files import slo_rules
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.slos import OBJECTIVES, SPEEDS
from vital_shared.monitoring.metrics import CATALOGUE

VALUES = {
    "EngineDown": 1.0,
    "TenantBudgetNearlySpent": 0.57,
    "TenantBudgetSpent": 0.77,
    "UsageLimitSpent": 0.57,
}
"""Values of alerts which cannot have any, or not that of another."""

CHANGED = OpsConfig(
    thresholds={
        name: at.model_copy(
            update={
                "value": VALUES.get(name, 0.37 if at.value <= 1 else 37.0),
                "window": 2_220.0,
                "hold": 2_280.0,
                "least_dollars_per_hour": 39.0,
            }
        )
        for name, at in DEFAULT_CONFIG.thresholds.items()
    }
)
"""A configuration of which no number is that of the repository."""

STILL = {
    "UsageLimit": {"100"},
    "TenantBudget": {"100"},
    "HighLatency": {"95"},
    "VeryHighLatency": {"99"},
    "LowCacheHitRate": {"1", "2"},
}
"""Numbers in texts that cannot be configured, such as percentiles and modes."""

WORDS = r"\b(half|third|quarter|fifth|tenth|twice|two|three|five|ten|fifteen|last day|an hour ago)\b"


def texts(alert, config):
    notes = alert_rule(alert, config, "").annotations
    return notes["summary"], notes["description"]


@pytest.mark.parametrize("config", [DEFAULT_CONFIG, CHANGED], ids=["default", "changed"])
@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda each: each.key)
def test_a_message_has_its_value_and_its_threshold(alert, config):
    summary, _ = texts(alert, config)
    limit = config.threshold(alert.key).value
    assert "$value" in summary
    written = (rf"{{{{ {limit:g} \|", rf"\b{limit * 100:g} %", rf"\b{limit:g} times")
    assert any(re.search(each, summary) for each in written), summary


@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda each: each.key)
def test_a_message_has_no_number_that_is_not_of_the_configuration(alert):
    at = CHANGED.threshold(alert.key)
    known = {f"{at.value:g}", f"{at.value * 100:g}", f"{at.least_dollars_per_hour:g}"}
    known |= {spell_seconds(at.window).split()[0], *STILL.get(alert.name, ())}
    for text in texts(alert, CHANGED):
        without_formats = text.replace("%.2f", "")
        assert set(re.findall(r"\d+(?:\.\d+)?", without_formats)) <= known, text
        assert re.search(WORDS, text, re.IGNORECASE) is None, text


def test_a_message_of_an_objective_has_its_value_its_threshold_and_its_contributors():
    rules = {rule.name: rule.annotations for rule in slo_rules(DEFAULT_CONFIG)}
    assert len(rules) == len(OBJECTIVES) * len(SPEEDS)
    for objective in OBJECTIVES:
        for speed in SPEEDS:
            notes = rules[f"{objective.name}{speed.suffix}"]
            assert "$value" in notes["summary"]
            assert f"{1 - objective.good:.0%}" in notes["summary"]
            assert "topk(3" in notes["contributors"]
            assert f"[{speed.burns[0].long}]" in notes["contributors"]
    assert ".Labels.tenant_id" in rules["AvailabilityBurnsFast"]["contributors"]


def test_contributors_to_the_failures_of_one_tenant_are_that_tenants():
    """A metric without a tenant would name what happens to others."""
    of_tenants = {
        metric.name for metric in CATALOGUE if "tenant_id" in {each.name for each in metric.label_set}
    }
    for alert in EVERY_ALERT:
        if "tenant_id" in alert.labels:
            query = alert_rule(alert, DEFAULT_CONFIG, "").annotations["contributors"]
            read = set(re.findall(r"\bvital_\w+(?=\{)", query)) - {"vital_metric_series_limit"}
            assert read
            assert read <= of_tenants
            assert query.count("tenant_id=%[1]q") == sum(query.count(f"{name}{{") for name in read)
