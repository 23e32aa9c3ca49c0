"""The price of withheld answers: one that a guardrail withholds was written, and its provider is paid."""

from pathlib import Path

import pytest
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Reply, serve
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


async def charge_of(reply: Reply, tmp_path: Path):
    """Ask a model that gives one reply; return the text that is shown instead, and the row of the call."""
    async with serve(reply) as server:
        path = tmp_path / "vital.toml"
        path.write_text(GUARDED.format(url=server.url))
        async with workflow_services(tmp_path, config=path) as services:
            output = await BaseWorkflow(services).execute_typed(question("How heavy is it?", model="mine:m"))
            rows = await Engine(services, server).rows()
    row = next(each for each in rows if each["cost_type"] == "llm")
    assert (row["name"], row["status"]) == ("mine:m", "failed")
    return output.response, row


@pytest.mark.parametrize("pieces", ["12 kilograms", "12 |kilo|grams| and then| some"])
async def test_an_answer_that_is_refused_before_any_of_it_is_shown_is_charged(tmp_path: Path, pieces: str):
    shown, row = await charge_of(says(pieces), tmp_path)
    assert "kilogram" not in shown
    assert row["input_tokens"] > 10
    assert 2 <= row["output_tokens"] <= 12
    assert row["cost_nanos"] == (row["input_tokens"] + row["output_tokens"]) * TOKEN_NANOS


async def test_a_prompt_that_the_providers_own_filter_refuses_is_not_charged(tmp_path: Path):
    _, row = await charge_of(openai.error(400, code="content_filter"), tmp_path)
    assert (row["input_tokens"], row["output_tokens"], row["cost_nanos"]) == (0, 0, 0)
