"""An engine may die anywhere, and the next one too: the run has one answer, and each call one row."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.takeover.crash import POINTS, CrashPoint
from tests.takeover.trial import trial

MOST_POINTS = {"turn": 350, "write": 60, "call": 60}
"""About what a run comes to that nothing disturbs; beyond it an engine lives."""

points = st.sampled_from(sorted(MOST_POINTS)).flatmap(
    lambda kind: st.integers(1, MOST_POINTS[kind]).map(lambda number: CrashPoint(kind, number))
)
deaths = st.lists(points, min_size=1, max_size=3)


@given(flow=st.sampled_from(["answered", "composed", "decided", "parted"]), points=deaths)
@example(flow="composed", points=[CrashPoint("call", 6)])  # between two calls of a fan-out
@example(flow="answered", points=[CrashPoint("call", 7)])  # the usage is there, the settlement is not
@example(flow="decided", points=[CrashPoint("write", 20), CrashPoint("write", 5)])
@example(flow="parted", points=[CrashPoint("call", 50), CrashPoint("call", 10)])  # some parts are stored
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_whose_engines_die_anywhere_has_one_answer_and_pays_each_call_once(engines, flow, points):
    assert trial(*engines, flow, points).faults() == []


@pytest.mark.parametrize(
    ("flow", "points"),
    [
        ("answered", [CrashPoint("call", 7)]),  # the usage is there, the settlement is not
        ("composed", [CrashPoint("write", 9), CrashPoint("turn", 40)]),
        ("decided", [CrashPoint("write", 20), CrashPoint("write", 5)]),
        ("parted", [CrashPoint("call", 50), CrashPoint("write", 12)]),
    ],
)
def test_engines_on_postgres_may_die_as_well(on_postgres, flow, points):
    left = trial(*on_postgres, flow, points)
    assert (left.faults(), left.deaths) == ([], len(points))


@pytest.mark.thorough
@given(flow=st.sampled_from(["answered", "composed", "decided", "parted"]), points=deaths)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_on_postgres_whose_engines_die_anywhere_has_one_answer(on_postgres, flow, points):
    assert trial(*on_postgres, flow, points).faults() == []


def test_every_kind_of_point_is_there_to_die_at_and_parts_are_kept(engines):
    left = trial(*engines, "parted", [CrashPoint("call", 50)])  # the last round, or the last letter
    assert (left.faults(), left.deaths) == ([], 1)
    assert set(left.points) == set(POINTS)
    assert left.kept_calls


@pytest.mark.thorough
@pytest.mark.parametrize("flow", ["answered", "composed", "decided", "parted"])
def test_a_run_that_nothing_disturbs_keeps_the_same(engines, flow):
    left = trial(*engines, flow, [])
    assert (left.faults(), left.deaths) == ([], 0)
    assert not any(row["estimated"] for row in left.ledger)
