"""VITAL_MODEL chooses the model of agents that name none, and a failure says its cause to the operator."""

import pytest
from structlog.testing import capture_logs

from vital_shared import BaseWorkflow, ConfigurationError
from vital_shared.llm.base import ModelRejected
from vital_shared.models.agent import AgentProfile
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services
from vital_shared.workflows.cache_lookup import look_up

FACT = passage("The review of a widget takes 42 days.", score=5.0)
OTHER = AgentProfile(id="own", name="Own", system_prompt="Be brief.", model="other")


def services_with(tmp_path, *models, **settings):
    return workflow_services(tmp_path, models=models, sources=[CannedSource([FACT])], **settings)


async def test_the_default_model_answers_for_agents_that_name_none(tmp_path):
    models = CannedModel("It takes 42 days [1]."), CannedModel("Forty-two.", name="other")
    async with services_with(tmp_path, *models, model="canned") as services:
        await services.agents.save(OTHER, tenant_id="acme")
        workflow = BaseWorkflow(services)
        used = [
            (await workflow.execute_typed(question("How long is the review?", **fields))).model
            for fields in ({"model": None}, {"model": "extractive"}, {"model": None, "agent_id": "own"})
        ]
    assert used == ["canned", "extractive", "other"]


async def test_answers_of_another_default_model_are_not_given_again(tmp_path):
    models = CannedModel("It takes 42 days [1]."), CannedModel("42 days, it takes [1].", name="other")
    keys = []
    for name in ("canned", "other"):
        async with services_with(tmp_path, *models, model=name, cache_entries=10) as services:
            request = question("How long?", mode="2", model=None)
            agent = await services.agents.get(request.agent_id, tenant_id=request.tenant_id)
            keys.append((await look_up(await BaseWorkflow(services)._parts(), request, agent)).key)
    assert all(keys)
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai:gpt-4.1-mini", "needs a key: set OPENAI_API_KEY"),
        ("gpt-4", 'There is no model "gpt-4"'),
        ("opena:gpt-4", 'did you mean "openai:…"'),
    ],
)
async def test_a_default_model_that_cannot_be_asked_is_an_error_at_the_start(
    tmp_path, monkeypatch, name, said
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="VITAL_MODEL cannot be used") as error:
        async with services_with(tmp_path, model=name):
            pass
    assert said in str(error.value)


@pytest.mark.parametrize(("chosen", "warns"), [("", True), ("openai:gpt-4.1-mini", False)])
async def test_a_key_that_nothing_uses_is_pointed_out_at_the_start(tmp_path, monkeypatch, chosen, warns):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with capture_logs() as logs:
        async with services_with(tmp_path, model=chosen):
            pass
    found = [entry for entry in logs if entry["event"] == "no_model_chosen"]
    assert bool(found) == warns
    if warns:
        assert found[0]["key"] == "OPENAI_API_KEY"
        assert "VITAL_MODEL=openai:<model>" in found[0]["hint"]
        assert "sk-secret" not in str(found)


async def test_why_a_model_did_not_answer_is_logged_and_known_until_it_answers(tmp_path):
    wrong_key = ModelRejected('The provider refused the key for "canned" (401).', model="canned", kind="auth")
    broken = CannedModel(error=wrong_key)
    async with services_with(tmp_path, broken, model="canned") as services:
        with capture_logs() as logs:
            output = await BaseWorkflow(services).execute_typed(question("How long?", model=None))
        assert "llm_fallback" in output.degradation_reasons
        (entry,) = [each for each in logs if each["event"] == "model_unanswered"]
        assert entry["model"] == "canned"
        assert "refuses its key" in entry["reason"]
        assert "401" in services.breakers.reasons["canned"]
        services.breakers.succeeded("canned")
        assert services.breakers.reasons == {}
