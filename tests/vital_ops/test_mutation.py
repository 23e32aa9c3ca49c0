"""Changes of the rules: each one makes a test fail, so that what the tests say of an alert is all there is."""

import json
import os
from dataclasses import replace

import pytest
from tests.vital_ops.mutation.mutants import every_alert, mutants, rule_set
from tests.vital_ops.mutation.running import survivors
from tests.vital_ops.mutation.scoring import SCORES, score
from tests.vital_ops.rules_of_spec import NUMBERS, SAID, faults

from vital_ops.config import DEFAULT_CONFIG

SAMPLE = 12
"""Mutants of each alert that are run; all of them where VITAL_MUTATE is "all"."""


def test_the_table_has_every_alert_and_its_numbers():
    assert tuple(SAID) == every_alert()
    numbers = {
        name: (at.value, at.range, at.hold / 60, at.least_events)
        for name, at in DEFAULT_CONFIG.thresholds.items()
    }
    assert numbers == NUMBERS


@pytest.mark.parametrize("key", every_alert())
def test_an_alert_says_what_the_table_has(key):
    rules = rule_set(key)
    assert list(faults(SAID[key], rules.group, rules.alert)) == []


@pytest.mark.parametrize("key", every_alert())
def test_no_change_of_what_an_alert_says_passes(key):
    changed = [mutant for mutant in mutants(rule_set(key)) if mutant.evaluates_alike]
    assert len(changed) > 15
    for mutant in changed:
        assert list(faults(SAID[key], mutant.rules.group, mutant.rules.alert)), mutant.what


@pytest.mark.timeout(600)
@pytest.mark.parametrize("key", json.loads(SCORES.read_text()))
def test_a_change_of_when_an_alert_fires_makes_a_test_of_it_fail(key, tmp_path):
    sample = None if os.environ.get("VITAL_MUTATE") == "all" else SAMPLE
    found = score(key, tmp_path, sample)
    assert {(mutant.operator, mutant.what) for mutant in found.survivors} <= found.known, found.unknown


def test_a_mutant_that_is_the_alert_itself_survives(tmp_path):
    rules = rule_set("ReplicaDown")
    same = replace(next(iter(mutants(rules))), rules=rules, recording=None)
    assert survivors(rules, {0: same}, tmp_path) == {0: same}


def test_what_no_test_notices_is_listed():
    for key, each in json.loads(SCORES.read_text()).items():
        assert key in every_alert()
        assert each["killed"] + len(each["survivors"]) == each["mutants"], key
