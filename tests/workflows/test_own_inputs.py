"""A workflow has inputs of its own: validated, read by nodes, in the cache's key, stored and read back."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, ValidationError, create_model

from vital_shared import (
    ConfigurationError,
    InvalidRequest,
    Pause,
    PlanChanged,
    PlanError,
    Workflow,
    WorkflowInput,
    fan_out,
    node,
)
from vital_shared.testing import question, workflow_services


class Clause(BaseModel):
    number: int
    text: str


class ContractInput(WorkflowInput):
    query: str = "Extract the contract."
    text: str = Field(min_length=1)
    signed: date | None = None
    clauses: tuple[Clause, ...] = ()
    unread: int = 0


GIVEN = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}


class Extract(Workflow[ContractInput]):
    @node
    async def length(self, text: str) -> int:
        return len(text)

    @node
    async def day(self, signed: date | None) -> str:
        return "" if signed is None else signed.strftime("%A")

    @node
    async def numbers(self, clauses: tuple[Clause, ...]) -> tuple[int, ...]:
        return tuple(clause.number for clause in clauses)

    @node
    async def answer(self, query: str) -> str:
        return query


class Waiting(Workflow[ContractInput]):
    @node(pauses=True)
    async def verdict(self, text: str) -> str:
        raise Pause(len(text))

    @node
    async def kinds(self, verdict: str, input: ContractInput) -> list[str]:  # noqa: A002 - the input's name
        return [type(input).__name__, *(type(each).__name__ for each in (input.signed, input.clauses[0]))]


@pytest.fixture
async def services(tmp_path):
    async with workflow_services(tmp_path, cache_entries=9) as services:
        yield services


async def test_its_nodes_read_its_own_fields_and_the_query_may_have_a_default(services):
    text = "x" * 200_000
    request = ContractInput(
        **GIVEN, text=text, signed=date(2026, 5, 1), clauses=(Clause(number=4, text="a"),)
    )
    output = await Extract(services).execute_typed(request)
    assert output.values == {"length": 200_000, "day": "Friday", "numbers": [4]}
    assert output.response == "Extract the contract."


async def test_the_fields_that_nodes_read_are_in_the_key_of_the_cache_and_no_others(services):
    workflow = Extract(services)

    async def status(**fields):
        return (await workflow.execute_typed(ContractInput(**GIVEN, **fields))).cache_status

    assert await status(text="a") == "miss"
    assert await status(text="a", unread=1) == "hit"
    assert await status(text="b") == "miss"
    assert await status(text="a", signed=date(2026, 5, 1)) == "miss"
    assert await status(text="a", clauses=(Clause(number=1, text="c"),)) == "miss"


async def test_its_input_is_stored_and_read_back_as_its_type_after_a_restart(tmp_path):
    request = ContractInput(
        **GIVEN, text="abc", signed=date(2026, 5, 1), clauses=(Clause(number=4, text="a"),)
    )
    async with workflow_services(tmp_path) as services:
        paused = await Waiting(services).execute_typed(request)
    async with workflow_services(tmp_path) as services:
        record = await services.runs.get(paused.run_id, tenant_id="acme", now=services.now())
        assert record.input.model_dump(mode="json") == request.model_dump(mode="json")
        output = await Waiting(services).resume(paused.run_id, answers={"verdict": "good"})
    assert output.values["kinds"] == ["ContractInput", "date", "Clause"]


async def test_a_stored_input_that_no_longer_fits_is_refused_in_one_sentence(services):
    paused = await Waiting(services).execute_typed(ContractInput(**GIVEN, text="abc"))

    class ContractInput2(ContractInput):
        page: int

    class Changed(Waiting, Workflow[ContractInput2]):  # type: ignore[misc]
        pass

    Changed.__module__, Changed.__qualname__ = Waiting.__module__, Waiting.__qualname__
    Changed.traits = Changed.traits._replace(input_type=ContractInput2)
    with pytest.raises(
        PlanChanged, match=r"The input of the run .* no longer fits ContractInput2 \(at page\)"
    ):
        await Changed(services).resume(paused.run_id, answers={"verdict": "good"})


async def test_an_input_of_another_class_is_refused(services):
    with pytest.raises(
        InvalidRequest, match=r"give it a ContractInput\(mode=…, tenant_id=…, user_id=…, text=…\)"
    ):
        await Extract(services).execute_typed(question("a"))


def test_a_wrong_field_is_refused():
    with pytest.raises(ValidationError, match="text"):
        ContractInput(**GIVEN, text="")


@pytest.mark.parametrize("is_cacheable", [False, True])
async def test_a_field_that_json_cannot_hold_is_refused_by_its_name(services, is_cacheable):
    class HandleInput(WorkflowInput):
        handle: object

    class Handling(Workflow[HandleInput]):
        cacheable = is_cacheable

        @node
        async def answer(self, handle: object) -> str:
            return str(handle)

    with pytest.raises(InvalidRequest, match="handle is stored with the run, so it may hold only JSON"):
        await Handling(services).execute_typed(HandleInput(**GIVEN, query="a", handle=object()))


def test_reading_a_field_as_another_type_is_an_error_at_the_definition():
    with pytest.raises(PlanError, match=r"reads 'text' as int, and the input has str: declare one type"):

        class Wrong(Workflow[ContractInput]):
            @node
            async def pages(self, text: int) -> int:
                return text


def test_a_fan_out_over_a_text_of_the_input_is_an_error_at_the_definition():
    with pytest.raises(PlanError, match=r"fans out over 'text', which the input has as str: make it a tuple"):

        class Wrong(Workflow[ContractInput]):
            @fan_out("word", over="text")
            async def words(self, word: str) -> str:
                return word


def test_the_schema_of_an_input_has_its_own_fields():
    schema = Extract.input_type.model_json_schema()
    assert {"text", "signed", "clauses"} <= set(schema["properties"])
    assert "text" in schema["required"]
    assert "query" not in schema["required"]


async def test_half_a_surrogate_pair_in_a_field_is_refused(services):
    with pytest.raises((InvalidRequest, ValidationError), match="text"):
        await Extract(services).execute_typed(ContractInput(**GIVEN, text="\ud800"))


def test_a_field_with_a_name_that_runs_use_is_an_error_at_the_definition():
    class Wrong(WorkflowInput):
        run_id: str

    with pytest.raises(PlanError, match="Wrong has a field 'run_id', a name that runs use: rename it"):

        class Using(Workflow[Wrong]):
            pass


async def test_a_field_with_an_alias_is_stored_and_read_back(services):
    class AliasedInput(WorkflowInput):
        text: str = Field(alias="documentText")

    class Aliased(Workflow[AliasedInput]):
        @node(pauses=True)
        async def verdict(self, text: str) -> str:
            raise Pause(text)

        @node
        async def answer(self, verdict: str, text: str) -> str:
            return f"{verdict} {text}"

    asked = AliasedInput.model_validate({**GIVEN, "mode": "2", "query": "a", "documentText": "abc"})
    paused = await Aliased(services).execute_typed(asked)
    output = await Aliased(services).resume(paused.run_id, answers={"verdict": "good"})
    assert output.response == "good abc"


async def test_the_base_itself_is_refused_since_it_runs_nothing(services):
    with pytest.raises(ConfigurationError, match=r"^Workflow has no nodes, and would do nothing: put @node"):
        await Workflow(services).execute_typed(question("a"))


def test_inputs_that_are_named_like_those_of_a_graph_are_an_error_at_the_definition():
    with pytest.raises(PlanError, match="'Wrong' names its inputs: write them as the fields of a subclass"):

        class Wrong(Workflow):
            inputs = ("name",)


class Vault(BaseModel):
    keys: dict[str, SecretStr]


SECRET = "is a secret, and the input is stored with its run, where it is masked"
SECRETS = (SecretStr, SecretBytes, Secret[int], SecretStr | None, list[Secret[int]], Vault)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [*((kind, SECRET) for kind in SECRETS), (Callable[[], int], "has a type that JSON cannot hold")],
)
def test_a_field_that_is_not_read_back_as_it_was_given_is_an_error_at_the_definition(kind, problem):
    given = create_model("Given", __base__=WorkflowInput, key=(kind, ...))
    with pytest.raises(PlanError, match=f"the field 'key' of Given {problem}"):

        class Using(Workflow[given]):  # type: ignore[valid-type]
            pass


@pytest.mark.parametrize("kind", [date, Decimal, bytes, set[int], dict[int, str], Clause | None, object, Any])
def test_a_field_that_json_can_hold_is_none(kind):
    given = create_model("Given", __base__=WorkflowInput, key=(kind, ...))

    class Using(Workflow[given]):  # type: ignore[valid-type]
        pass

    assert "key" in Using.inputs
