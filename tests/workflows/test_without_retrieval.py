"""A class without retrieval lacks no documents: its answers are whole."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from tests.workflows.conftest import Open

from vital_cli.views.words import figures
from vital_shared import BaseWorkflow, Workflow, node, repeat, subworkflow
from vital_shared.graph import Done
from vital_shared.llm.base import TextDelta
from vital_shared.models.answer import Answer, Quality
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.base import Retrieved
from vital_shared.testing import CannedModel, CannedSource, counted, question, workflow_services


class Shouting(Workflow):
    """Make an answer of the question alone."""

    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Counting(BaseWorkflow):
    """Answer without documents, although they are searched."""

    @node
    async def answer(self, query: str) -> AsyncIterator[TextDelta | Done[Answer]]:
        yield TextDelta(text="Three.")
        yield Done(Answer(text="Three."))


class Dropping(BaseWorkflow):
    """Answer with the built-in node, from no documents."""

    rag_sources = None
    rag_retrieval = None
    passages = None


class Indirect(BaseWorkflow):
    """Answer from documents by way of a node of its own."""

    @node
    async def summary(self, passages: Retrieved = Retrieved()) -> str:  # noqa: B008 - frozen
        return f"{len(passages.passages)} passages"

    @node
    async def answer(self, summary: str) -> Answer:
        return Answer(text=summary)


@pytest.mark.parametrize("workflow", [Counting, Dropping])
async def test_it_is_not_degraded_for_want_of_sources(open_services: Open, workflow):
    services = await open_services(models=[CannedModel("Three.")])
    with counted() as growth:
        output = await workflow(services).execute_typed(question("How many?", model="canned"))
    assert (output.response, output.degradation_reasons, output.quality_score) == ("Three.", (), 1.0)
    assert growth("vital_workflow_requests_total", outcome="success") == 1
    assert growth("vital_degraded_responses_total") == 0
    assert growth("vital_quality_score_count", answerable="true") == 1


@pytest.mark.parametrize("workflow", [BaseWorkflow, Indirect])
async def test_a_class_with_retrieval_lacks_them(open_services: Open, workflow):
    services = await open_services(models=[CannedModel("Three.")], sources=[CannedSource()])
    output = await workflow(services).execute_typed(question("How many?", model="canned"))
    assert "no_sources" in output.degradation_reasons


async def test_missing_embedded_models_are_logged_once_and_only_where_something_is_searched(tmp_path):
    with capture_logs() as logs:
        async with workflow_services(
            tmp_path, models=[CannedModel("Three.")], sources=[CannedSource()]
        ) as found:
            await Shouting(found).execute_typed(question("How many?"))
            assert "embedded_models_missing" not in [each["event"] for each in logs]
            for query in ("How many?", "How large?"):
                await BaseWorkflow(found).execute_typed(question(query, model="canned"))
    missing = [each for each in logs if each["event"] == "embedded_models_missing"]
    assert [each["hint"] for each in missing] == ["run `vital models install`"]


class Automatic(Counting):
    """Answer without asking for approval, as a part has to."""

    tool_suggestion = None
    model_suggestion = None
    tool_plan = None
    approved_tools = None
    tools = None

    @node
    async def tool_results(self, query: str) -> tuple[ToolResult, ...]:
        return ()


class InText(Workflow):
    """A part with an assessed answer, whose result is text."""

    counted = subworkflow(Automatic)

    @node
    async def result(self, counted: Answer) -> str:
        return counted.text


class Refined(Workflow):
    answer = repeat(InText, carry="query", until=bool, limit=2)


class Composed(Workflow):
    part = subworkflow(Automatic)

    @node
    async def answer(self, part: Answer) -> Answer:
        return part


class Unchecked(BaseWorkflow):
    quality = None


class FailingCheck(BaseWorkflow):
    @node(optional=True, degradation="quality_failed")
    async def quality(self, answer: Answer) -> Quality:
        raise ValueError


@pytest.mark.parametrize(
    ("workflow", "is_assessed"),
    [
        (BaseWorkflow, True),
        (Refined, True),
        (Composed, True),
        (Shouting, False),
        (Unchecked, False),
        (FailingCheck, False),
    ],
)
async def test_a_quality_is_claimed_only_where_it_was_checked(open_services: Open, workflow, is_assessed):
    services = await open_services(models=[CannedModel("Three.")])
    asked = question("How many?", model="canned", enable_tools=False)
    output = await workflow(services).execute_typed(asked)
    assert output.is_assessed is is_assessed
    assert ("quality" in figures(output)) is is_assessed
    async with services.database.connect() as connection:
        stored = (await connection.execute(text("SELECT quality_score FROM runs"))).scalar_one()
    assert (stored is not None) is is_assessed
