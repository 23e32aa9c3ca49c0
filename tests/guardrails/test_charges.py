"""The price of answers that a guardrail withholds: their provider has written them, and is paid."""

from pathlib import Path

import pytest
from tests.llm.wires.servers.base import serve
from tests.workflows.self_llm.harness import CONFIGURATION, TOKEN_NANOS, Engine, says

from vital_shared import BaseWorkflow
from vital_shared.testing import question, workflow_services

GUARDED = (
    CONFIGURATION
    + """
[guardrails]
deny_output = ["kilogram"]
"""
)


@pytest.mark.parametrize("pieces", ["12 kilograms", "12 |kilo|grams| and then| some"])
async def test_an_answer_that_is_refused_before_any_of_it_is_shown_is_charged(
    tmp_path: Path, pieces: str
) -> None:
    async with serve(says(pieces)) as server:
        path = tmp_path / "vital.toml"
        path.write_text(GUARDED.format(url=server.url))
        async with workflow_services(tmp_path, config=path) as services:
            output = await BaseWorkflow(services).execute_typed(question("How heavy is it?", model="mine:m"))
            row = next(each for each in await Engine(services, server).rows() if each["cost_type"] == "llm")
    assert "kilogram" not in output.response
    assert (row["name"], row["status"]) == ("mine:m", "failed")
    assert row["input_tokens"] > 10
    assert 2 <= row["output_tokens"] <= 12
    assert row["cost_nanos"] == (row["input_tokens"] + row["output_tokens"]) * TOKEN_NANOS
