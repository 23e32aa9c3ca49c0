"""The cost of a run, counted and not timed: nodes, validated models, statements, generators."""

from __future__ import annotations

import inspect
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, event

from vital_shared import BaseWorkflow
from vital_shared.llm.base import ModelEvent, ModelRequest
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.testing import CannedModel, workflow_services

PLAIN = WorkflowInput(
    query="How long does it take?",
    mode="2",
    tenant_id="acme",
    user_id="ann",
    model="canned",
    enable_rag=False,
    enable_tools=False,
)
WORDS = 20


def asked(number: int) -> WorkflowInput:
    """Ask what the cache does not know."""
    return PLAIN.model_copy(update={"query": f"{PLAIN.query} {number}"})


class Watched(CannedModel):
    """A model that counts the generators through which what it says goes."""

    generators = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        async for said in super().stream(request):
            frame = sys._getframe().f_back
            below = 0
            while frame is not None:
                below += bool(frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR)
                frame = frame.f_back
            self.generators = max(self.generators, below)
            yield said


@pytest.fixture
async def workflow(tmp_path: Path):
    model = Watched(" ".join(["word"] * WORDS))
    async with workflow_services(tmp_path, models=[model]) as services:
        workflow = BaseWorkflow(services)
        for number in range(2):  # what is read or made once is there then
            await workflow.execute_typed(asked(number))
        yield workflow, model


async def test_nodes_that_the_request_turns_off_are_not_run(workflow):
    output = await workflow[0].execute_typed(asked(10))
    nodes = {timing.node.partition(".")[0] for timing in output.timings.nodes}
    assert nodes == {"load_agent", "question", "answer", "quality"}


async def test_what_a_model_says_passes_few_generators(workflow):
    await workflow[0].execute_typed(asked(10))
    assert 0 < workflow[1].generators <= 3


async def test_a_run_validates_few_models_beside_its_tokens(workflow, monkeypatch: pytest.MonkeyPatch):
    made: Counter[str] = Counter()
    validate = BaseModel.__init__

    def counting(self: BaseModel, /, **fields: object) -> None:
        made[type(self).__name__] += 1
        validate(self, **fields)

    question = asked(10)
    monkeypatch.setattr(BaseModel, "__init__", counting)
    await workflow[0].execute_typed(question)
    del made["TextDelta"], made["Token"]
    assert made.total() <= 46, made


@pytest.mark.sqlite
async def test_a_run_takes_few_statements(tmp_path: Path):
    statements: list[str] = []

    def traced(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):  # of a thread of ours, where all of a run is done
            connection.set_trace_callback(statements.append)

    event.listen(Engine, "connect", traced)
    try:
        async with workflow_services(tmp_path, models=[CannedModel()]) as services:
            workflow = BaseWorkflow(services)
            for number in range(2):
                await workflow.execute_typed(asked(number))
            statements.clear()
            await workflow.execute_typed(asked(10))
            written = [each for each in statements if each.startswith(("INSERT", "UPDATE", "DELETE"))]
            assert 2 <= len(written) <= 3, statements
    finally:
        event.remove(Engine, "connect", traced)
