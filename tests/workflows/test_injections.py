"""Instructions within documents, and a model that obeys every one of them: what we control does not."""

import re

import pytest
from tests.injections import EVIL, INJECTIONS
from tests.llm.wires.servers.base import Reply, serve
from tests.workflows.conftest import Open

from vital_shared import BaseWorkflow, tool
from vital_shared.llm.prompted import PromptedModel
from vital_shared.llm.prompts.counting import at_most
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.models.agent import AgentProfile
from vital_shared.testing import CannedSource, passage, question, says

FACT = passage("The review of a widget takes 42 days.", id="fact")
TRUE = "The review of a widget takes 42 days [1]."
NO_TOOLS = says("")[1:]


def obedient(*scripts):
    """Make a model behind a provider, with all that we do to its prompts and answers."""
    left = list(scripts)

    async def stream(_chat):
        for event in left.pop(0):
            yield event

    return PromptedModel("scripted", stream, prompts=Prompts(at_most))


CALLING = [each for each in INJECTIONS if each.calls]
SAYING = [each for each in INJECTIONS if not each.calls]


def named(injections):
    return pytest.mark.parametrize("injection", injections, ids=lambda each: each.name)


@pytest.fixture
def mailed():
    """What was sent away."""
    return []


@pytest.fixture
def mail(mailed):
    @tool(requires_approval=True)
    async def send_mail(to: str, text: str) -> str:
        """Send a mail."""
        mailed.append((to, text))
        return "Sent."

    return send_mail


async def answer(open_services: Open, injection, mail, *, mode="2", tools=None, suggests=NO_TOOLS):
    """Ask about a document with an injection; in manual modes nothing is approved."""
    model = obedient(suggests, injection.script, says(TRUE))
    hostile = passage(injection.text, id="hostile")
    services = await open_services(models=[model], sources=[CannedSource([FACT, hostile])], tools=[mail])
    agent = AgentProfile(id="one", name="One", system_prompt="Be brief.", model="scripted", tools=tools)
    await services.agents.save(agent, tenant_id="acme")
    workflow = BaseWorkflow(services)
    output = await workflow.execute_typed(question("How long?", agent_id="one", mode=mode))
    if output.status == "awaiting_approval":
        output = await workflow.resume(output.run_id, [])
    return output


@named(CALLING)
@pytest.mark.parametrize("mode", ["1", "2", "3", "4"])
async def test_no_call_is_made_that_neither_the_user_nor_the_agents_list_allows(
    open_services: Open, injection, mail, mailed, mode
):
    output = await answer(open_services, injection, mail, mode=mode)
    assert mailed == []
    assert output.response == TRUE  # the run goes on, and answers
    assert "tool_loop_ended" in {warning.type for warning in output.warnings}


@named(CALLING)
async def test_no_call_is_made_that_is_not_on_the_agents_list(open_services: Open, injection, mail, mailed):
    await answer(open_services, injection, mail, tools=("calculator",))
    assert mailed == []


async def test_what_the_agents_list_names_is_allowed_in_automatic_modes_alone(
    open_services: Open, mail, mailed
):
    asks = next(each for each in CALLING if each.calls[0] == "send_mail")
    await answer(open_services, asks, mail, tools=("send_mail",), mode="1")
    assert mailed == []
    await answer(open_services, asks, mail, tools=("send_mail",), mode="2")
    assert len(mailed) == 1


async def test_what_only_reads_may_be_called_in_automatic_modes_alone(open_services: Open):
    read = []

    @tool(read_only=True)
    async def look_up(word: str) -> str:
        """Look a word up."""
        read.append(word)
        return "Found."

    asks = INJECTIONS[0]._replace(calls=("look_up", {"word": "review"}))
    await answer(open_services, asks, look_up, mode="1")
    assert read == []
    await answer(open_services, asks, look_up, mode="2")
    assert read == ["review"]


async def test_what_the_question_itself_has_asked_for_may_be_called_again(open_services: Open, mail, mailed):
    """No document is read before the first suggestion: it comes from the user's own words."""
    asks = next(each for each in CALLING if each.calls[0] == "send_mail")
    suggested = asks._replace(calls=("send_mail", {"to": "ann@acme.test", "text": "42"})).script
    await answer(open_services, asks, mail, suggests=suggested)
    assert [to for to, _ in mailed] == ["ann@acme.test", "mallory@evil.test"]


@named(SAYING)
async def test_what_is_said_to_order_is_marked_and_leads_nowhere(open_services: Open, injection, mail):
    output = await answer(open_services, injection, mail)
    assert not re.search(r"!\[|\]\(\s*http", output.response)
    assert {each.passage_id for each in output.citations} <= {"fact"}
    assert set(re.findall(r"\[(\d+)\]", output.response)) <= {"1"}
    removed = [each for each in output.warnings if each.type == "citation_removed"]
    assert bool(removed) == ("[7]" in injection.says)
    if EVIL not in injection.says:  # where a true sentence stands beside the picture, it is backed
        assert output.groundedness == 0.0
        assert "ungrounded" in output.degradation_reasons
        assert output.quality_score < 0.8  # too low for the cache


@named(INJECTIONS)
async def test_no_address_is_opened_that_a_document_or_a_model_names(open_services: Open, injection, mail):
    async with serve(Reply([b"Gotcha."])) as evil:

        def with_address(text):
            return text.replace(EVIL, evil.url)

        hostile = passage(with_address(injection.text), id="hostile").model_copy(update={"uri": evil.url})
        obeying = injection._replace(says=with_address(injection.says)).script
        for model in (obedient(NO_TOOLS, obeying, says(TRUE)), None):  # None: the composer
            services = await open_services(
                models=[model] if model else [], sources=[CannedSource([FACT, hostile])], tools=[mail]
            )
            asked = question("How long is the review?", model="scripted" if model else "extractive")
            await BaseWorkflow(services).execute_typed(asked)
        assert evil.requests == []
