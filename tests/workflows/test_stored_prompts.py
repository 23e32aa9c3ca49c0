"""The prompts and answers of models' calls are stored with the run, where that is wanted, as they were sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.guardrails.test_in_runs import EMAIL, note, provider

from vital_shared import BaseWorkflow, node
from vital_shared.billing.run_context import MAX_RECORDED_CALLS, MAX_RECORDED_CHARACTERS, RunContext
from vital_shared.errors import RunFailed
from vital_shared.guardrails.masking import Mask
from vital_shared.llm.recorded_prompt import MAX_ANSWER_CHARACTERS, MAX_PROMPT_CHARACTERS
from vital_shared.models.recorded_call import RecordedCall, RequestedTool
from vital_shared.testing import (
    CannedModel,
    CannedSource,
    ScriptedModel,
    asks_for,
    passage,
    question,
    says,
    workflow_services,
)
from vital_shared.workflows.services import Services


class Own(BaseWorkflow):
    """A workflow that asks a model twice."""

    answer = None
    quality = None

    @node
    async def draft(self, query: str) -> str:
        return await self.llm(
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": query}]
        )

    @node
    async def polished(self, draft: str) -> str:
        return await self.llm(f"Polish: {draft}", model="other")


async def stored(services: Services) -> list[dict[str, Any]]:
    """Return the rows of calls, the earliest first."""
    async with services.database.connect() as connection:
        rows = await connection.execute(text('SELECT "call" FROM model_calls ORDER BY number'))
        return [json.loads(row[0]) for row in rows]


def spoken(call: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["role"], each["content"]) for each in call["messages"]]


async def test_each_call_of_a_workflows_own_nodes_is_stored(tmp_path: Path) -> None:
    models = [CannedModel("Forty-two days."), CannedModel("42 days.", name="other")]
    async with workflow_services(tmp_path, models=models, model="canned", store_prompts=True) as services:
        output = await Own(services).execute_typed(question("How long?", model="canned"))
        first, second = await services.runs.model_calls(output.run_id)
        charged = [
            charge.item for charge in await services.runs.charges(output.run_id) if charge.cost_type == "llm"
        ]
    assert (first.node, first.model, first.purpose, first.status) == ("draft", "canned", "own", "success")
    assert [(each.role, each.content) for each in first.messages] == [
        ("system", "Be brief."),
        ("user", "How long?"),
    ]
    assert (first.answer, first.is_cut, first.tokens.output) == ("Forty-two days.", False, 2)
    assert (second.node, second.model, second.answer) == ("polished", "other", "42 days.")
    assert [each.content for each in second.messages] == ["Polish: Forty-two days."]
    assert [first.item, second.item] == charged


async def test_nothing_is_stored_unless_it_is_wanted(tmp_path: Path) -> None:
    async with workflow_services(tmp_path, models=[CannedModel()]) as services:
        output = await BaseWorkflow(services).execute_typed(question("How long?"))
        assert output.model_calls
        assert await services.runs.model_calls(output.run_id) == ()


async def test_the_built_in_answer_is_stored_as_the_provider_got_it(tmp_path: Path) -> None:
    """The question and the passages are masked for the provider, and the user has the originals back."""
    async with provider() as (echo, toml):
        config = tmp_path / "vital.toml"
        config.write_text(f'{toml}[guardrails]\nmask = ["email"]\n', encoding="utf-8")
        source = CannedSource([passage(f"Refunds go by {EMAIL} within 42 days.")])
        async with workflow_services(
            tmp_path, config=config, sources=[source], store_prompts=True
        ) as services:
            output = await BaseWorkflow(services).execute_typed(
                question(f"Does {EMAIL} answer?", model="own:x")
            )
            calls = await stored(services)
    sent = [[(each["role"], each["content"]) for each in body["messages"]] for body in echo.bodies]
    assert list(map(spoken, calls)) == sent
    assert calls[-1]["node"] == "answer"
    assert EMAIL in output.response
    assert EMAIL not in json.dumps(calls)
    assert "<EMAIL_" in calls[-1]["answer"]


async def test_what_a_guardrail_refuses_is_not_stored(tmp_path: Path) -> None:
    async with provider() as (echo, toml):
        config = tmp_path / "vital.toml"
        config.write_text(f"{toml}[guardrails]\ndeny_input = ['(?i)jailbreak']\n", encoding="utf-8")
        async with workflow_services(tmp_path, config=config, store_prompts=True) as services:
            with pytest.raises(RunFailed, match="denied pattern 1"):
                await BaseWorkflow(services).execute_typed(question("A Jailbreak?", model="own:x"))
            calls = await stored(services)
    assert echo.bodies == []
    assert "ailbreak" not in json.dumps(calls)


async def test_an_answer_that_a_guardrail_holds_back_is_not_stored(tmp_path: Path) -> None:
    async with provider() as (echo, toml):
        config = tmp_path / "vital.toml"
        config.write_text(f"{toml}[guardrails]\ndeny_output = ['Bravo \\d+']\n", encoding="utf-8")
        async with workflow_services(
            tmp_path, config=config, store_prompts=True, models=[CannedModel()]
        ) as services:
            await BaseWorkflow(services).execute_typed(question("Is Bravo 7 there?", model="own:x"))
            first, *_ = await stored(services)
    assert echo.bodies
    assert (first["model"], first["answer"], first["status"]) == ("own:x", "", "failed")


async def test_a_model_of_an_application_behind_guardrails_is_stored_as_it_was_asked(tmp_path: Path) -> None:
    config = tmp_path / "vital.toml"
    config.write_text('[guardrails]\nmask = ["email"]\n', encoding="utf-8")
    model = CannedModel("Write to them.", name="my:model")
    async with workflow_services(tmp_path, config=config, models=[model], store_prompts=True) as services:
        await BaseWorkflow(services).execute_typed(question(f"Who is {EMAIL}?", model="my:model"))
        (call,) = await stored(services)
    assert EMAIL not in json.dumps(call)
    assert "<EMAIL_" in spoken(call)[-1][1]


async def test_a_tool_that_a_model_asks_for_is_stored_with_its_arguments(tmp_path: Path) -> None:
    model = ScriptedModel(asks_for("note", word="blue"), says("Noted."))
    async with workflow_services(tmp_path, models=[model], tools=[note], store_prompts=True) as services:
        output = await BaseWorkflow(services).execute_typed(
            question("Note it.", model="scripted", mode="4", requested_tools=("note",))
        )
        calls = await services.runs.model_calls(output.run_id)
    asked = [each for each in calls if each.requested_tools]
    assert [each.requested_tools for each in asked] == [
        (RequestedTool(name="note", arguments='{"word":"blue"}'),)
    ]
    assert calls[-1].answer == "Noted."


async def test_a_failed_call_is_stored_with_what_had_come(tmp_path: Path) -> None:
    failing = CannedModel("It takes 42 days.", name="bad", error=RuntimeError("gone"), words_before_error=2)
    async with workflow_services(tmp_path, models=[failing], store_prompts=True) as services:
        with pytest.raises(RunFailed):
            await Own(services).execute_typed(question("How long?", model="bad"))
        (call,) = await stored(services)
    assert (call["status"], call["answer"]) == ("failed", "It takes ")


async def test_long_texts_are_cut_and_say_so(tmp_path: Path) -> None:
    long = "word " * (MAX_ANSWER_CHARACTERS // 4)
    models = [CannedModel(long), CannedModel("Short.", name="other")]
    async with workflow_services(tmp_path, models=models, store_prompts=True) as services:
        await Own(services).execute_typed(question("How long?", model="canned"))
        first, second = await stored(services)
    assert first["is_cut"]
    assert len(first["answer"]) < MAX_ANSWER_CHARACTERS + 100
    assert first["answer"].endswith("more characters are not stored]")
    assert second["is_cut"]
    ((_, prompt),) = spoken(second)
    assert prompt.startswith("Polish: word")
    assert len(prompt) < MAX_PROMPT_CHARACTERS + 100


def recorded(number: int, answer: str) -> RecordedCall:
    return RecordedCall(
        model="m", purpose="own", prompt="own@1", status="success", seconds=1.0,
        item=f"llm/{number}", messages=(), answer=answer,
    )  # fmt: skip


def test_a_run_stores_so_many_calls_and_characters_and_no_more() -> None:
    context = RunContext("run_1", question("How long?"), records_calls=True)
    context.record(recorded(1, "x" * MAX_RECORDED_CHARACTERS))
    for number in range(MAX_RECORDED_CALLS + 5):
        context.record(recorded(number + 2, "y"))
    first, second, *others = context.unwritten_calls
    assert not first.is_cut
    assert (second.answer, second.is_cut) == ("", True)
    assert 2 + len(others) == MAX_RECORDED_CALLS


def test_originals_that_were_put_back_are_masked_again_wherever_they_stand() -> None:
    mask = Mask("run_1", ("email",))
    (hidden,) = mask.hide([EMAIL])
    assert mask.hide_again((f"({EMAIL})x{EMAIL}", "bob@example.org")) == (
        f"({hidden})x{hidden}",
        *Mask("run_1", ("email",)).hide(["bob@example.org"]),
    )
