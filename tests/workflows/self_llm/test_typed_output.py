"""A node asks a model for a value of a type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from tests.llm.wires.servers import openai
from tests.workflows.self_llm.harness import TOKEN_NANOS, asked, says
from typing_extensions import TypedDict

from vital_shared import BaseWorkflow, node
from vital_shared.errors import (
    ConfigurationError,
    RunFailed,
)
from vital_shared.llm.base import ModelOutputInvalid, ModelRequest
from vital_shared.llm.plain_schema import is_strict
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.llm.typed_output import typed_output
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.models.message import LlmMessage
from vital_shared.models.tool import ToolResult

# Typed values


class Contract(BaseModel):
    party: str
    years: int


class Terms(TypedDict):
    party: str
    years: int


@dataclass(frozen=True)
class Clause:
    text: str


class Extracting(BaseWorkflow):
    kind: object = Contract
    answer = None
    quality = None

    @node
    async def extract(self, query: str, tool_results: tuple[ToolResult, ...]) -> Any:
        return await self.llm(f"Extract: {query}", output=self.kind)


async def extracted(engine, kind, *replies, **given):
    async with engine(*replies, **given) as found:
        workflow = Extracting(found.services)
        workflow.kind = kind
        output = await workflow.execute_typed(asked())
        return output, found.bodies


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Contract, '{"party": "Ann", "years": 3}', {"party": "Ann", "years": 3}),
        (Contract, 'Here it is:\n```json\n{"party": "Ann", "years": 3}\n```', {"party": "Ann", "years": 3}),
        (Terms, '{"party": "Ann", "years": 3}', {"party": "Ann", "years": 3}),
        (Clause, '{"text": "No."}', {"text": "No."}),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (list[Contract], '{"value": [{"party": "Ann", "years": 3}]}', [{"party": "Ann", "years": 3}]),
        (Literal["yes", "no"], '{"value": "no"}', "no"),
        (dict[str, int], '{"value": {"a": 1}}', {"a": 1}),
        (int | None, '{"value": null}', None),
        (bool, '{"value": true}', True),
    ],
)
async def test_a_type_is_asked_for_by_its_schema_and_read_into_a_value(engine, kind, written, value):
    output, (body,) = await extracted(engine, kind, says(written))
    assert output.values["extract"] == value
    form = body["response_format"]["json_schema"]
    assert form["schema"]["type"] == "object"
    assert form["strict"] is (kind != dict[str, int])
    assert body["messages"] == [{"role": "user", "content": "Extract: What is it?"}]


async def test_an_unfit_value_is_asked_for_again_with_what_is_wrong_and_both_calls_are_paid(engine):
    output, bodies = await extracted(
        engine, Contract, says('{"party": "Ann", "years": "many"}'), says('{"party": "Ann", "years": 3}')
    )
    assert output.values["extract"] == {"party": "Ann", "years": 3}
    first, second = (body["messages"] for body in bodies)
    assert second[:1] == first
    assert second[1] == {"role": "assistant", "content": '{"party": "Ann", "years": "many"}'}
    assert "years" in second[2]["content"]
    assert len(output.model_calls) == 2
    assert output.cost.llm == Decimal("0.0003")


async def test_a_value_that_never_fits_fails_the_run_with_one_sentence_after_three_paid_calls(engine):
    async with engine(says("I would rather not.")) as found:
        with pytest.raises(RunFailed) as failed:
            await Extracting(found.services).execute_typed(asked())
        rows = [row for row in await found.rows() if row["cost_type"] == "llm"]
    assert isinstance(failed.value.__cause__, ModelOutputInvalid)
    assert "wrote no valid Contract in 3 attempts: it is not JSON" in str(failed.value)
    assert (failed.value.node, failed.value.error_type) == ("extract", "model")
    assert [row["cost_nanos"] for row in rows] == [15 * TOKEN_NANOS] * 3


CUT_OFF = says('{"party": "An', finish="length")


async def test_a_value_that_is_cut_off_each_time_fails_with_that_reason(engine):
    with pytest.raises(RunFailed, match=r"no valid Contract in 3 attempts: it is cut off at the most tokens"):
        await extracted(engine, Contract, CUT_OFF)


async def test_a_value_that_is_whole_in_the_second_attempt_does_not_degrade_the_run(engine):
    output, bodies = await extracted(engine, Contract, CUT_OFF, says('{"party": "Ann", "years": 3}'))
    assert output.values["extract"] == {"party": "Ann", "years": 3}
    assert output.degradation_reasons == ()
    assert "it is cut off" in bodies[1]["messages"][2]["content"]


async def test_a_server_without_schemas_is_asked_without_and_corrected_with_the_schema(engine):
    def reply(request):
        if "response_format" in request.body:
            return openai.error(400, "Unknown parameter: 'response_format'.")
        is_corrected = len(request.body["messages"]) > 1
        return says('{"party": "Ann", "years": 3}' if is_corrected else "Ann, for three years.")

    output, bodies = await extracted(engine, Contract, reply)
    assert output.values["extract"] == {"party": "Ann", "years": 3}
    assert '"years"' in bodies[-1]["messages"][-1]["content"]


async def test_a_type_that_json_cannot_hold_is_refused_with_one_sentence(engine):
    class Opaque:
        pass

    async with engine(says("{}")) as found:
        workflow = Extracting(found.services)
        workflow.kind = Opaque
        with pytest.raises(RunFailed) as failed:
            await workflow.execute_typed(asked())
    assert isinstance(failed.value.__cause__, ConfigurationError)
    assert "output=Opaque" in str(failed.value)


CONVERSATION = ModelRequest(
    question="",
    task="own",
    grounded=False,
    messages=(
        LlmMessage(role="system", content="One."),
        LlmMessage(role="system", content="Two."),
        LlmMessage(role="user", content="Hello."),
        LlmMessage(role="assistant", content="Hi."),
        LlmMessage(role="system", content="Three."),
        LlmMessage(role="user", content="Again."),
    ),
    response_schema=typed_output(Contract).schema,
)


def test_each_wire_sends_instructions_at_their_place_and_the_schema():
    chat = Prompts(len).render(CONVERSATION).chat
    schema = dict(typed_output(Contract).schema)
    sent = OpenAIWire().request("m", chat).body
    assert [each["role"] for each in sent["messages"]] == ["system"] * 2 + [
        "user",
        "assistant",
        "system",
        "user",
    ]
    assert sent["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": True}
    sent = AnthropicWire().request("m", chat).body
    assert [each["text"] for each in sent["system"]] == ["One.", "Two."]
    assert [each["role"] for each in sent["messages"]] == ["user", "assistant", "user", "user"]
    assert sent["messages"][2]["content"] == "Three."
    assert sent["output_config"]["format"]["schema"] == schema
    sent = GeminiWire().request("m", chat).body
    assert [each["text"] for each in sent["systemInstruction"]["parts"]] == ["One.", "Two."]
    assert [each["role"] for each in sent["contents"]] == ["user", "model", "user", "user"]
    assert sent["generationConfig"]["responseJsonSchema"] == schema


class Bounded(BaseModel):
    years: Annotated[int, Field(ge=1, le=99)] = 1
    name: Annotated[str, Field(description="The name.", max_length=20)] | None = None
    parts: list[Contract] = []


def test_bounds_stand_in_descriptions_since_strict_modes_refuse_them():
    schema = typed_output(Bounded).schema
    assert schema["required"] == ["years", "name", "parts"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Contract"]["additionalProperties"] is False
    assert schema["properties"]["years"] == {"type": "integer", "description": "maximum: 99, minimum: 1"}
    assert schema["properties"]["name"]["anyOf"][0]["description"] == "The name. (maxLength: 20)"
    assert is_strict(schema)


class Currency(StrEnum):
    EUR = "EUR"
    USD = "USD"


class Firm(BaseModel):
    name: str
    owner: Firm = Field(default=None, description="The firm that owns it")  # type: ignore[assignment]


class Invoice(BaseModel):
    currency: Currency = Field(description="The currency of all amounts")
    seller: Firm = Field(description="The sender")
    buyer: Firm


def references(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from references(each)


def test_nothing_stands_beside_a_reference_since_a_strict_mode_refuses_that():
    schema = typed_output(Invoice).schema
    currency, seller = schema["properties"]["currency"], schema["properties"]["seller"]
    assert currency == {
        "type": "string",
        "enum": ["EUR", "USD"],
        "description": "The currency of all amounts",
    }
    assert (seller["description"], list(seller["properties"])) == ("The sender", ["name", "owner"])
    assert {tuple(each) for each in references(schema)} == {("$ref",)}
    assert is_strict(schema)
