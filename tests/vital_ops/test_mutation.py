"""Changes of the rules: each one makes a test fail, so that what the tests say of an alert is all there is."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import yaml
from tests.vital_ops.mutation.equivalence import PACE, equivalents
from tests.vital_ops.mutation.mutants import every_alert, mutants, rule_set
from tests.vital_ops.mutation.random_series import ENGINES, random_series
from tests.vital_ops.mutation.running import survivors
from tests.vital_ops.mutation.scoring import known_survivors, read_scores, sample, score, unnoticed
from tests.vital_ops.mutation.table import table
from tests.vital_ops.rules_of_spec import NUMBERS, SAID, faults

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.rules.files import rule_files
from vital_ops.rules.rule_tests import rule_cases

pytestmark = pytest.mark.long

ALL = os.environ.get("VITAL_MUTATE") == "all"
"""Whether all mutants of all alerts are run, and not a sample."""

SAMPLE = 2
"""Mutants of each alert that is run."""

SAMPLED = every_alert() if ALL else every_alert()[::8]

EVERY_ALERT = [
    pytest.param(key, marks=[] if key in SAMPLED else [pytest.mark.thorough]) for key in every_alert()
]
"""All alerts, of which some are looked at by each run of the tests."""

ROOT = Path(__file__).parents[2]


def test_the_table_has_every_alert_and_its_numbers():
    assert tuple(SAID) == every_alert()
    numbers = {
        name: (at.value, at.range, at.hold / 60, at.least_events)
        for name, at in DEFAULT_CONFIG.thresholds.items()
    }
    assert numbers == NUMBERS


def test_no_group_has_a_pace_of_its_own():
    for text in rule_files().values():
        assert all(group.keys() == {"name", "rules"} for group in yaml.safe_load(text)["groups"])


@pytest.mark.parametrize("key", every_alert())
def test_an_alert_says_what_the_table_has(key):
    rules = rule_set(key)
    assert list(faults(SAID[key], rules.group, rules.alert)) == []


@pytest.mark.parametrize("key", EVERY_ALERT)
def test_no_change_of_what_an_alert_says_passes(key):
    changed = [mutant for mutant in mutants(rule_set(key)) if mutant.evaluates_alike]
    assert len(changed) > 15
    for mutant in changed:
        assert list(faults(SAID[key], mutant.rules.group, mutant.rules.alert)), mutant.what


@pytest.mark.timeout(3_600 if ALL else 120)
@pytest.mark.parametrize("key", SAMPLED)
def test_a_change_of_when_an_alert_fires_makes_a_test_of_it_fail(key, tmp_path):
    if ALL:
        assert score(key, tmp_path).as_json() == read_scores()[key]
    else:
        assert unnoticed(key, sample(key, SAMPLE), tmp_path) == {}


@pytest.mark.parametrize("key", EVERY_ALERT)
def test_no_two_mutants_have_one_name(key):
    names = [(mutant.operator, mutant.what) for mutant in mutants(rule_set(key))]
    assert len({*names}) == len(names)


@pytest.mark.thorough
def test_a_mutant_that_is_the_alert_itself_survives_and_is_equivalent(tmp_path):
    rules = rule_set("EngineDown")
    same = {0: replace(next(iter(mutants(rules))), rules=rules, recording=None)}
    assert survivors(rules, same, tmp_path) == same
    assert equivalents(rules, same, tmp_path) == same


@pytest.mark.thorough
def test_what_a_test_notices_is_not_taken_for_equivalent(tmp_path):
    rules, known = rule_set("EngineDown"), known_survivors("EngineDown")
    changed = [mutant for mutant in mutants(rules) if mutant.operator in ("number", "comparison", "matcher")]
    noticed = [mutant for mutant in changed if (mutant.operator, mutant.what) not in known]
    assert equivalents(rules, dict(enumerate(Random(1).sample(noticed, 6))), tmp_path) == {}


@pytest.mark.thorough
def test_what_differs_at_a_limit_alone_is_not_taken_for_equivalent(tmp_path):
    rules = rule_set("HighErrorRate")
    strictness = [
        mutant
        for mutant in mutants(rules)
        if mutant.operator == "comparison"
        and mutant.recording is None
        and mutant.what.endswith(("> → >=", "< → <=", ">= → >"))
    ]
    assert strictness
    assert equivalents(rules, dict(enumerate(strictness)), tmp_path) == {}


def test_random_series_have_one_engine_alone_restarts_without_a_gap_and_late_beginnings():
    cases = rule_cases(DEFAULT_CONFIG)["HighErrorRate"]
    series = [random_series(cases, PACE, Random(seed)) for seed in range(20)]
    engines = [[each[name].split() for name in each if 'up{job="vital"' in name] for each in series]
    alone = [column.count("1") for up in engines for column in zip(*up, strict=True)]
    assert {0, 1, len(ENGINES)} <= {*alone}
    counters = [each[name].split() for each in series for name in each if "_total{" in name]
    assert any(
        float(after) < float(before)
        for values in counters
        for before, after in pairwise(values)
        if not {before, after} & {"_", "stale"}
    )
    assert any(values[0] == "_" and float(value) > 0 for values in counters for value in first_value(values))


def first_value(values):
    return [value for value in values if value not in ("_", "stale")][:1]


def test_an_alert_must_not_take_the_state_of_its_namesakes_for_its_own(tmp_path):
    rules = rule_set("TenantBudgetSpent")
    careless = [
        mutant for mutant in mutants(rules) if "share=" in mutant.what and mutant.what.endswith("→ nothing")
    ]
    assert careless
    assert survivors(rules, dict(enumerate(careless[:1])), tmp_path) == {}


@pytest.mark.parametrize("key", ["HighErrorRate", "AvailabilityBurnsFast"])
def test_a_mutant_sees_its_own_state_and_none_of_another_mutant(key):
    rules = rule_set(key)
    others = [mutant for mutant in mutants(rules) if mutant.what.endswith(f'alertname!="{key}",')]
    unnamed = [mutant for mutant in mutants(rules) if f'alertname="{key}", → nothing' in mutant.what]
    assert others
    assert unnamed
    for mutant in others + unnamed:
        _, alert = mutant.named(7)
        assert f'"{key}"' not in alert["expr"]
        assert alert["expr"].count(f'ALERTS{{alertname=~"{key}__m7|[^_]*",') == 1
    assert all(f'alertname!="{key}__m7"' in mutant.named(7)[1]["expr"] for mutant in others)


@pytest.mark.parametrize("key", ["HighErrorRate", "LowCacheHitRate"])
def test_an_alert_must_not_take_the_state_of_others_for_its_own(key, tmp_path):
    rules = rule_set(key)
    careless = [
        mutant
        for mutant in mutants(rules)
        if mutant.what.endswith((f'alertname!="{key}",', f'alertname="{key}", → nothing'))
    ]
    assert len(careless) == 2
    assert survivors(rules, dict(enumerate(careless)), tmp_path) == {}


def test_every_alert_is_scored():
    assert tuple(read_scores()) == every_alert()


@pytest.mark.parametrize("key", read_scores())
def test_no_change_survives_that_is_not_shown_to_be_equivalent(key):
    assert read_scores()[key]["survivors"] == []


@pytest.mark.parametrize("key", read_scores())
def test_nine_of_ten_changes_are_noticed(key):
    found = read_scores()[key]
    assert found["noticed"] >= 0.9 * (found["fires"] - len(found["equivalent"]))
    assert found["said"] == found["says"]


def test_the_page_of_the_documentation_has_the_last_scores():
    assert (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8") == table()
    assert "alerts.md" in (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")


def test_the_scores_are_of_the_mutants_that_there_are():
    for key, found in read_scores().items():
        every = [mutant.evaluates_alike for mutant in mutants(rule_set(key))]
        assert (found["fires"], found["says"]) == (every.count(False), every.count(True)), key
