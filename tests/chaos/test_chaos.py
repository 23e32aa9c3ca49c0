"""A short chaos: few runs at once, and a Redis that dies."""

import asyncio

import pytest
from tests.chaos.chaos import chaos
from tests.chaos.faults import SHORT_FAULTS
from tests.chaos.promises import judge

pytestmark = pytest.mark.long


@pytest.mark.thorough
async def test_three_replicas_keep_what_they_promise_while_what_they_share_fails(tmp_path):
    async with asyncio.timeout(110):
        evidence = await chaos(tmp_path, SHORT_FAULTS, at_once=12, answer_seconds=1.0)
    assert [each for each in judge(evidence) if not each.holds] == []
