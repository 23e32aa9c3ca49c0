"""An engine may die anywhere, and the next one too: the run has one answer, and each call one row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.takeover.crash import POINTS, CrashPoint
from tests.takeover.fork_server import ForkServer, fork_server
from tests.takeover.trial import trial

MOST_POINTS = {"turn": 350, "write": 60, "call": 60}
"""About what a run comes to that nothing disturbs; beyond it an engine lives."""

points = st.sampled_from(sorted(MOST_POINTS)).flatmap(
    lambda kind: st.integers(1, MOST_POINTS[kind]).map(lambda number: CrashPoint(kind, number))
)
deaths = st.lists(points, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ForkServer, Path]]:
    """A server of processes, and a folder with a database that is up to date."""
    template = tmp_path_factory.mktemp("template")
    with fork_server() as server:
        server.prepare(template)
        yield server, template


@given(flow=st.sampled_from(["answered", "composed", "decided", "parted"]), points=deaths)
@example(flow="composed", points=[CrashPoint("call", 6)])  # between two calls of a fan-out
@example(flow="answered", points=[CrashPoint("call", 7)])  # the usage is there, the settlement is not
@example(flow="decided", points=[CrashPoint("write", 20), CrashPoint("write", 5)])
@example(flow="parted", points=[CrashPoint("call", 50), CrashPoint("call", 10)])  # some parts are stored
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_whose_engines_die_anywhere_has_one_answer_and_pays_each_call_once(engines, flow, points):
    server, template = engines
    assert trial(server, template, flow, points).faults() == []


def test_every_kind_of_point_is_there_to_die_at_and_parts_are_kept(engines):
    server, template = engines
    left = trial(server, template, "parted", [CrashPoint("call", 50)])  # the last round, or the last letter
    assert (left.faults(), left.deaths) == ([], 1)
    assert set(left.points) == set(POINTS)
    assert left.kept_calls


@pytest.mark.thorough
@pytest.mark.parametrize("flow", ["answered", "composed", "decided", "parted"])
def test_a_run_that_nothing_disturbs_keeps_the_same(engines, flow):
    server, template = engines
    left = trial(server, template, flow, [])
    assert (left.faults(), left.deaths) == ([], 0)
    assert not any(row["estimated"] for row in left.ledger)
