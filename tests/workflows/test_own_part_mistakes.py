"""Models and sources of one's own that cannot be called get one sentence when the services are opened."""

import pytest
from tests.workflows.conftest import Open

from vital_shared import BaseWorkflow, ConfigurationError, Services, Workflow, node
from vital_shared.llm.base import Stop, TextDelta
from vital_shared.testing import question


class Blocking:
    name = "mine"

    def search(self, query, *, tenant_id, limit):
        return ()


class Narrow:
    name = "mine"

    async def search(self, query):
        return ()


class Yielding:
    name = "mine"

    async def search(self, query, *, tenant_id, limit):
        yield query


class Returning:
    name = "mine"

    async def stream(self, request):
        return "x"


class Wide:
    name = "mine"

    async def stream(self, request, temperature):
        yield request


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"sources": [Blocking()]}, 'The source "mine" has a search that is not async: write async def search('),
        ({"sources": [Narrow()]}, 'The source "mine" takes other arguments than it is given (got an unexpected keyword'),
        ({"sources": [Yielding()]}, 'The source "mine" yields its passages, and has to return them: write async def'),
        ({"models": [Returning()]}, 'The model "mine" has a stream that is no async generator: write async def stream('),
        ({"models": [Wide()]}, 'The model "mine" takes other arguments than it is given (missing a required argument:'),
    ],
)  # fmt: skip
async def test_a_part_that_cannot_be_called_as_it_will_be(parts, sentence):
    with pytest.raises(ConfigurationError) as error:
        await Services.open(**parts)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


class Minimal:
    name = "minimal"

    async def stream(self, request):
        yield TextDelta(text="It is so.")
        yield Stop(reason="end")


async def test_a_model_is_an_object_with_a_name_and_a_stream(open_services: Open):
    class Asking(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return await self.llm(query, model="minimal")

    services = await open_services(models=[Minimal()])
    assert (await Asking(services).execute_typed(question("Is it so?"))).response == "It is so."
    output = await BaseWorkflow(services).execute_typed(question("Is it so?", model="minimal"))
    assert output.response == "It is so."
