"""A live worker is not taken for dead, however busy it is."""

import pytest
from tests.takeover.false_takeovers import under_full_load

pytestmark = pytest.mark.long


@pytest.mark.thorough
def test_a_worker_whose_loop_is_blocked_for_longer_than_its_lease_keeps_its_runs(tmp_path):
    outcome = under_full_load(tmp_path, 10.0)
    assert outcome.runs > 0
    assert (outcome.completed, outcome.takeovers) == (outcome.runs, 0)
