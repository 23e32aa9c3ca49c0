"""Engines that die while a run does something in the world: nothing is done twice that nobody asked for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.takeover.crash import CrashPoint
from tests.takeover.fork_server import ForkServer
from tests.takeover.trial import ACTS, trial
from tests.takeover.trial_store import TrialStores

MOST_POINTS = {"turn": 600, "write": 100, "call": 55}
"""About what a run comes to that nothing disturbs; beyond it an engine lives."""

points = st.sampled_from(sorted(MOST_POINTS)).flatmap(
    lambda kind: st.integers(1, MOST_POINTS[kind]).map(lambda number: CrashPoint(kind, number))
)


@given(deaths=st.lists(points, min_size=1, max_size=3))
@example(deaths=[CrashPoint("call", 4)])  # within an effect
@example(deaths=[CrashPoint("call", 9), CrashPoint("call", 3)])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_effect_is_repeated_unasked_and_each_call_is_paid_once(
    engines: tuple[ForkServer, TrialStores], deaths: list[CrashPoint]
) -> None:
    assert trial(*engines, "acting", deaths).faults() == []


def test_no_effect_is_repeated_on_postgres(on_postgres: tuple[ForkServer, TrialStores]) -> None:
    assert trial(*on_postgres, "acting", [CrashPoint("call", 9), CrashPoint("call", 3)]).faults() == []


@pytest.mark.thorough
@given(deaths=st.lists(points, min_size=1, max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_effect_is_repeated_on_postgres_wherever_engines_die(
    on_postgres: tuple[ForkServer, TrialStores], deaths: list[CrashPoint]
) -> None:
    assert trial(*on_postgres, "acting", deaths).faults() == []


@pytest.mark.thorough
def test_a_run_that_nothing_disturbs_does_everything_once(engines: tuple[ForkServer, TrialStores]) -> None:
    left = trial(*engines, "acting", [])
    assert left.faults() == []
    assert sorted(line["what"] for line in left.acts) == sorted(ACTS)
