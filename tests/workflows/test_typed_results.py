"""A workflow class names the type of its result; the output has it, however the answer came about."""

import sys
import types
import typing
from contextlib import nullcontext
from datetime import date
from decimal import Decimal

import pytest
import typing_extensions
from pydantic import BaseModel, ConfigDict, Field, computed_field
from pydantic.alias_generators import to_camel

from vital_shared import BaseWorkflow, Pause, PlanError, RunFailed, Workflow, WorkflowInput, node
from vital_shared.models.event import EventAdapter, RunFinished
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.testing import CannedModel, question, workflow_services


class Contract(BaseModel):
    parties: tuple[str, ...]
    signed: date
    price: Decimal


CONTRACT = Contract(parties=("Acme", "Globex"), signed=date(2026, 5, 1), price=Decimal("10.50"))


class Extract(Workflow[WorkflowInput, Contract]):
    @node
    async def parties(self, query: str) -> tuple[str, ...]:
        return tuple(query.split(" and "))

    @node
    async def result(self, parties: tuple[str, ...]) -> Contract:
        return CONTRACT.model_copy(update={"parties": parties})


class Days(Workflow[WorkflowInput, list[date]]):
    @node
    async def result(self) -> list[date]:
        return [CONTRACT.signed]


class Confirmed(Extract):
    @node(pauses=True)
    async def verdict(self, parties: tuple[str, ...]) -> bool:
        raise Pause(parties)

    @node
    async def result(self, parties: tuple[str, ...], verdict: bool) -> Contract:
        return CONTRACT.model_copy(update={"parties": parties if verdict else ()})


@pytest.fixture
async def services(tmp_path):
    async with workflow_services(
        tmp_path, models=[CannedModel("It takes 90 days.")], cache_entries=9
    ) as services:
        yield services


ASKED = "Acme and Globex"


async def test_the_output_has_the_result_itself(services):
    output = await Extract(services).execute_typed(question(ASKED))
    assert output.result == CONTRACT
    assert output.values == {"parties": ["Acme", "Globex"]}


async def test_a_streamed_cached_and_resumed_run_have_it_too(services):
    last = [event async for event in Extract(services).execute_stream(question(ASKED))][-1]
    assert isinstance(last, RunFinished)
    cached = await Extract(services).execute_typed(question(ASKED))
    paused = await Confirmed(services).execute_typed(question(ASKED))
    resumed = await Confirmed(services).resume(paused.run_id, answers={"verdict": True})
    assert (cached.cache_status, paused.result) == ("hit", None)
    assert last.output.result == cached.result == resumed.result == CONTRACT


async def test_a_result_may_be_of_any_type_that_json_can_hold(services):
    first = await Days(services).execute_typed(question("When?"))
    again = await Days(services).execute_typed(question("When?"))
    assert (first.result, again.result, again.cache_status) == ([CONTRACT.signed], [CONTRACT.signed], "hit")


async def test_the_json_of_an_output_is_read_as_the_type(services):
    handle = await Extract(services).begin(question(ASKED))
    output = await handle.answer()
    read = WorkflowOutput[Contract].model_validate_json(output.model_dump_json())
    assert read.result == CONTRACT
    stored = await services.runs.get(output.run_id, tenant_id="acme", now=services.now())
    assert Contract.model_validate(stored.output.result) == CONTRACT
    event = RunFinished(run_id=output.run_id, seq=1, output=output)
    assert EventAdapter.validate_json(event.model_dump_json()).output.result == output.result
    waiting = WorkflowOutput[Contract].model_validate_json(
        output.model_copy(update={"result": None}).model_dump_json()
    )
    assert waiting.result is None


async def test_a_workflow_of_four_modes_may_have_a_result(services):
    class Length(BaseWorkflow[WorkflowInput, int]):
        @node
        async def result(self, query: str) -> int:
            return len(query)

    output = await Length(services).execute_typed(question("How long?", enable_rag=False, model="canned"))
    assert (output.result, output.response) == (9, "It takes 90 days.")


async def test_without_a_type_a_value_named_result_is_one_of_the_values(services):
    class Plain(Workflow):
        @node
        async def result(self) -> int:
            return 1

    output = await Plain(services).execute_typed(question("one"))
    assert (output.result, output.values) == (None, {"result": 1})


async def test_a_result_that_is_of_another_type_fails_the_run(services):
    class Wrong(Workflow[WorkflowInput, Contract]):
        @node
        async def result(self) -> Contract:
            return {"parties": 1}  # type: ignore[return-value]

    with pytest.raises(RunFailed, match="value 'result' is not of the type that its node declares"):
        await Wrong(services).execute_typed(question("one"))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            {"parties": ("hunter2",), "signed": date(2026, 5, 1), "price": Decimal(1)},
            "it is a dict instead of a Contract",
        ),
        ({"parties": ("hunter2",)}, "at signed: it is missing (1 more)"),
    ],
)
async def test_a_dict_where_a_model_is_declared_is_named_and_not_repeated(services, made, said):
    class Wrong(Workflow[WorkflowInput, Contract]):
        @node
        async def result(self, query: str) -> Contract:
            return made

    with pytest.raises(RunFailed, match="is not of the type that its node declares") as caught:
        await Wrong(services).execute_typed(question("x"))
    assert said in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_class_with_a_result_type_has_a_node_that_makes_it():
    with pytest.raises(PlanError, match="'Missing' has a result of the type Contract, and no node makes it"):

        class Missing(Workflow[WorkflowInput, Contract]):
            @node
            async def other(self) -> int:
                return 1


@pytest.mark.parametrize("made", [int, dict, BaseModel, object, Contract | None])
def test_a_result_of_another_type_is_an_error_at_the_definition(made):
    async def result(self):
        return None

    result.__annotations__["return"] = made
    with pytest.raises(PlanError, match=r"makes .*, and the result of its class is Contract: declare one"):
        type("Wrong", (Extract,), {"result": node(result)})


def test_an_optional_result_is_an_error_at_the_definition():
    with pytest.raises(PlanError, match="makes the result, and is optional"):

        class Wrong(Workflow[WorkflowInput, int]):
            @node(optional=True)
            async def result(self) -> int:
                return 1


def test_a_result_that_json_cannot_hold_is_an_error_at_the_definition():
    class Handle:
        pass

    with pytest.raises(PlanError, match="makes a result that cannot be stored"):

        class Wrong(Workflow[WorkflowInput, Handle]):
            @node
            async def result(self) -> Handle:
                return Handle()


def test_an_answer_that_is_no_text_is_an_error_at_the_definition():
    with pytest.raises(
        PlanError, match=r"node 'Wrong.answer' \(.*test_typed_results.py:\d+\) makes int, and it"
    ):

        class Wrong(Workflow):
            @node
            async def answer(self) -> int:
                return 1


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False)

    first_party: str

    @computed_field
    @property
    def initial(self) -> str:
        return self.first_party[0]


class OneWay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(serialization_alias="shown_name")


@pytest.mark.parametrize(
    ("made", "json"),
    [
        (Camel(firstParty="Acme"), {"firstParty": "Acme", "initial": "A"}),
        (OneWay(name="Acme"), {"name": "Acme"}),
    ],
)
async def test_the_json_of_a_result_is_that_of_its_schema_where_it_can_be_read_back(services, made, json):
    async def result(self):
        return made

    result.__annotations__["return"] = type(made)
    base = Workflow[WorkflowInput, type(made)]
    workflow = types.new_class("Made", (base,), exec_body=lambda body: body.update(result=node(result)))(
        services
    )
    output = await (await workflow.begin(question("a"))).answer()
    assert output.result == json
    again = await workflow.execute_typed(question("a"))
    assert (again.cache_status, again.result) == ("hit", made)


class Movie(typing_extensions.TypedDict):
    title: str
    year: int


class Cinema(Workflow[WorkflowInput, Movie]):
    @node
    async def films(self, query: str) -> list[Movie]:
        return [{"title": query, "year": 1999}]

    @node
    async def best(self, films: list[Movie]) -> Movie:
        return films[0]

    @node
    async def result(self, best: Movie, films: list[Movie] | None) -> Movie:
        return best


async def test_a_typed_dict_is_a_type_of_values_and_of_the_result(services):
    output = await Cinema(services).execute_typed(question("Alien"))
    assert output.result == {"title": "Alien", "year": 1999}
    assert WorkflowOutput[Movie].model_validate_json(output.model_dump_json()).result == output.result


def test_a_dictionary_is_not_always_the_typed_dict_of_the_result():
    with pytest.raises(PlanError, match="makes dict, and the result of its class is Movie: declare one type"):

        class Loose(Workflow[WorkflowInput, Movie]):
            @node
            async def result(self) -> dict:
                return {}


def test_a_typed_dict_read_as_a_text_is_refused_when_the_class_is_defined():
    with pytest.raises(PlanError, match="reads 'movie' as str"):

        class Odd(Workflow):
            @node
            async def movie(self, query: str) -> Movie:
                return {"title": query, "year": 1}

            @node
            async def answer(self, movie: str) -> str:
                return movie


def test_a_typed_dict_that_pydantic_does_not_take_is_named_with_the_one_that_it_does():
    class Old(typing.TypedDict):
        title: str

    takes_it = sys.version_info >= (3, 12)
    sentence = r"cannot be stored: .*typing_extensions\.TypedDict"
    with nullcontext() if takes_it else pytest.raises(PlanError, match=sentence):

        class Stored(Workflow[WorkflowInput, Old]):
            @node
            async def result(self) -> Old:
                return {"title": "a"}
