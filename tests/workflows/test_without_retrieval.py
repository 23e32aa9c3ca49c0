"""A class without retrieval lacks no documents: its answers are whole."""

from collections.abc import AsyncIterator

import pytest
from tests.workflows.conftest import Open

from vital_shared import BaseWorkflow, node
from vital_shared.graph import Done
from vital_shared.llm.base import TextDelta
from vital_shared.models.answer import Answer
from vital_shared.retrieval.base import Retrieved
from vital_shared.testing import CannedModel, CannedSource, counted, question


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
