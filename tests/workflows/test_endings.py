"""An answer that is not whole says so, and why: in its degradation reasons, and in its ending."""

import pytest
from tests.workflows.conftest import FACT, Open

from vital_shared.llm.base import CitationRemoved, ModelHeldBack, ModelUnavailable, Stop, Usage
from vital_shared.models.answer import Answer
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.testing import CannedModel, CannedSource, ScriptedModel, question, says
from vital_shared.workflows.base_workflow import BaseWorkflow

HELD_BACK = [
    ("content_filter", "content_filtered"),
    ("refusal", "refused"),
    ("recitation", "recitation_blocked"),
]


async def ask(open_services: Open, *models: CannedModel | ScriptedModel, **parts) -> WorkflowOutput:
    services = await open_services(models=models, **parts)
    agent = await services.agents.get("generalist", tenant_id=None)
    first, *fallbacks = (model.name for model in models)
    changed = agent.model_copy(update={"id": "chained", "model": first, "fallbacks": tuple(fallbacks)})
    await services.agents.save(changed, tenant_id=None)
    return await BaseWorkflow(services).execute_typed(question("How long is the review?", agent_id="chained"))


class WithoutTools(ScriptedModel):
    calls_tools = False


def silent(stop: str) -> WithoutTools:
    return WithoutTools((Usage(input_tokens=10), Stop(reason=stop)), name="silent")


async def test_a_whole_answer_ends_whole(open_services: Open):
    output = await ask(open_services, CannedModel("It takes 42 days [1]."))
    assert (output.ending, output.degradation_reasons) == ("whole", ("models_missing",))


@pytest.mark.parametrize(("stop", "ending"), [("length", "truncated"), *HELD_BACK])
async def test_a_text_that_is_not_whole_says_why(open_services: Open, stop, ending):
    output = await ask(open_services, CannedModel("It takes", stop=stop))
    assert (output.response, output.model, output.ending) == ("It takes", "canned", ending)
    assert ending in output.degradation_reasons
    assert "llm_fallback" not in output.degradation_reasons


async def test_an_ending_is_reported_where_nothing_checks_the_answer(open_services: Open):
    class Unchecked(BaseWorkflow):
        quality = None

    services = await open_services(models=[CannedModel("It takes", stop="refusal")])
    output = await Unchecked(services).execute_typed(question("How long?", model="canned"))
    assert "refused" in output.degradation_reasons


async def test_a_failure_midway_is_cut_off_and_not_truncated(open_services: Open):
    down = ModelUnavailable("The model is down.", model="canned")
    output = await ask(open_services, CannedModel("It takes 42 days.", error=down, words_before_error=2))
    assert output.ending == "cut_off"
    assert {"cut_off", "truncated"} & set(output.degradation_reasons) == {"cut_off"}


async def test_a_filter_that_ends_the_text_with_an_error_is_distinguished_from_a_failure(open_services: Open):
    held = ModelHeldBack("The filter held it back.", model="canned", reason="content_filtered")
    output = await ask(open_services, CannedModel("It takes 42 days.", error=held, words_before_error=2))
    assert output.ending == "content_filtered"
    assert "cut_off" not in output.degradation_reasons


@pytest.mark.parametrize(("stop", "reason"), HELD_BACK)
async def test_the_next_model_answers_in_the_place_of_one_that_holds_back(open_services: Open, stop, reason):
    output = await ask(open_services, silent(stop), WithoutTools(says("It takes 42 days."), name="second"))
    assert (output.response, output.model, output.ending) == ("It takes 42 days.", "second", "whole")
    assert {"llm_fallback", reason} <= set(output.degradation_reasons)


@pytest.mark.parametrize(("stop", "reason"), HELD_BACK)
async def test_the_reason_stays_where_the_documents_answer_instead(open_services: Open, stop, reason):
    output = await ask(open_services, silent(stop), sources=[CannedSource([FACT])])
    assert (output.model, output.ending) == ("extractive", reason)
    assert {"llm_fallback", reason} <= set(output.degradation_reasons)


def test_a_checkpoint_of_before_is_read():
    old = {"text": "It takes", "model": "canned"}
    assert Answer.model_validate(old | {"truncated": True}).ending == "truncated"
    assert Answer.model_validate(old | {"truncated": False}).ending == "whole"
    assert Answer.model_validate(old | {"truncated": True}).truncated


async def test_many_citations_that_are_none_are_warned_of_in_a_few_words(open_services: Open):
    gone = [CitationRemoved(marker=f"[{number}]") for number in range(500)]
    model = WithoutTools([*gone, *says("It takes 42 days.")], name="canned")
    output = await ask(open_services, model)
    removed = [warning for warning in output.warnings if warning.type == "citation_removed"]
    assert len(removed) == 11
    assert removed[-1].message == "490 more of these were removed."
