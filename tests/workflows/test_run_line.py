"""What is logged in a run names it, in nodes of one's own, their tasks and their threads too."""

from __future__ import annotations

import asyncio
import logging

import pytest

from vital_shared import BaseWorkflow, node
from vital_shared.graph import fan_out
from vital_shared.logs import get_logger
from vital_shared.models.answer import Answer
from vital_shared.testing import question
from vital_shared.workflows.services import Services

logger = get_logger("vital.test")


class Talking(BaseWorkflow):
    @node
    def in_thread(self, answer: Answer) -> tuple[int, ...]:
        logger.warning("in a thread")
        return (1, 2)

    @fan_out("item", over="in_thread")
    async def items(self, item: int) -> int:
        logger.warning("in an item")
        return item

    @node
    async def in_task(self, answer: Answer) -> int:
        async def work() -> int:
            logger.warning("in a task")
            return 1

        return await asyncio.create_task(work())


async def test_every_line_names_its_own_run(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    workflow = Talking(services)
    tenants = ("acme", "globex", "initech")
    with caplog.at_level(logging.INFO):
        outputs = await asyncio.gather(
            *(
                workflow.execute_typed(question("How long?", tenant_id=tenant, model="canned"))
                for tenant in tenants
            )
        )
    for tenant, output in zip(tenants, outputs, strict=True):
        named = [line for line in map(logging.LogRecord.getMessage, caplog.records) if output.run_id in line]
        assert all(f"tenant_id={tenant}" in line.replace("'", "") for line in named)
        for event, times in (("in a thread", 1), ("in an item", 2), ("in a task", 1), ("run_finished", 1)):
            assert sum(event in line for line in named) == times
    after = len(caplog.records)
    logger.warning("outside")
    assert "run_id" not in caplog.records[after].getMessage()
