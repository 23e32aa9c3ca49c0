"""A run that begins within its limits and meets one on its way: the answer says so, as at the beginning."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.ai_engine.harness import asked, serving

from vital_shared import Workflow, node
from vital_shared.errors import BudgetExceeded, CostLimitExceeded, UsageLimited
from vital_shared.testing import workflow_services

RESETS_AT = datetime(2026, 12, 1, tzinfo=UTC)
MONEY = BudgetExceeded(
    period="monthly",
    limit_dollars=Decimal(5),
    spent_dollars=Decimal("4.9"),
    left_dollars=Decimal("0.1"),
    resets_at=RESETS_AT,
)
TOKENS = UsageLimited(
    holder="the user ann of the tenant acme",
    level="user",
    unit="tokens",
    period="minute",
    limit="900 tokens per minute",
    left="0 tokens are",
    resets_at=RESETS_AT,
    retry_after_seconds=12.5,
)
OF_THE_RUN = CostLimitExceeded(
    node="answer", model="mine:m", needed_dollars=Decimal(2), left_dollars=Decimal(1)
)


class Meets(Workflow):
    """A run of which a node may not go on."""

    limit: Exception

    @node
    async def answer(self, query: str) -> str:
        raise self.limit


@pytest.mark.parametrize(
    ("limit", "status", "error_type"),
    [(MONEY, 402, "budget"), (OF_THE_RUN, 402, "budget"), (TOKENS, 429, "rate_limit")],
)
async def test_a_run_that_meets_a_limit_has_its_status(tmp_path, limit, status, error_type) -> None:
    class Met(Meets):
        pass

    Met.limit = limit
    async with (
        workflow_services(tmp_path) as services,
        serving(services, workflows={"met": Met}) as service,
    ):
        answer = await service.client.post("/v1/workflows/met/runs", json=asked(model=None))
        problem = answer.json()
        assert (answer.status_code, problem["status"]) == (status, status)
        assert problem["type"] == "urn:vital:run-failed"
        assert str(limit) in problem["detail"]
        stored = (await service.client.get(f"/v1/runs/{problem['run_id']}")).json()
        assert (stored["status"], stored["error"]["type"]) == ("failed", error_type), stored
