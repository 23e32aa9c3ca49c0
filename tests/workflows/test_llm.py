"""A node asks a model itself: `self.llm`, against a server that speaks a provider's protocol."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import select
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Server, serve
from typing_extensions import TypedDict

from vital_shared import BaseWorkflow, node
from vital_shared.errors import (
    BudgetExceeded,
    ConfigurationError,
    CostLimitExceeded,
    InvalidRequest,
    RunFailed,
)
from vital_shared.graph import Pause, fan_out
from vital_shared.llm.base import ModelOutputInvalid, ModelRequest
from vital_shared.llm.plain_schema import is_strict
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.llm.typed_output import typed_output
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.models.answer import Answer
from vital_shared.models.event import NodeYielded, Token, ToolFinished, ToolStarted
from vital_shared.models.limits import TenantLimits
from vital_shared.models.message import LlmMessage
from vital_shared.models.tool import ToolResult
from vital_shared.monitoring.counted import counted
from vital_shared.store.account_tables import ledger
from vital_shared.testing import question, workflow_services
from vital_shared.tools.base import tool
from vital_shared.workflows.services import Services
from vital_shared.workflows.workflow import Workflow

TOKEN_NANOS = 10_000
"""Price of a token of the models below: ten dollars a million tokens, read or written."""

CONFIGURATION = """
[providers.mine]
wire = "openai"
base_url = "{url}/v1"
key_env = ""
attempts = 1
[models."mine:m"]
price = {{ input = "10", output = "10" }}
[models."mine:n"]
price = {{ input = "10", output = "10" }}
"""


def says(text: str, *, read: int = 10, written: int = 5):
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    pieces = [openai.chunk({"content": word}) for word in text.split("|")]
    return openai.stream(
        [*pieces, openai.chunk(finish="stop"), openai.chunk(choices=[], usage=usage), openai.DONE]
    )


def calls(name: str, **arguments: object):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    call = openai.piece(0, name=name, arguments=json.dumps(arguments))
    return openai.stream(
        [call, openai.chunk(finish="tool_calls"), openai.chunk(choices=[], usage=usage), openai.DONE]
    )


@dataclass
class Engine:
    services: Services
    server: Server

    @property
    def bodies(self) -> list[dict]:
        return [request.body for request in self.server.requests]

    async def rows(self):
        async with self.services.database.connect() as connection:
            return (await connection.execute(select(ledger).order_by(ledger.c.id))).mappings().all()


@pytest.fixture
def engine(tmp_path):
    @asynccontextmanager
    async def opened(*replies, **given) -> AsyncIterator[Engine]:
        async with serve(*replies) as server:
            path = tmp_path / "vital.toml"
            path.write_text(CONFIGURATION.format(url=server.url))
            settings = {"model": "mine:m", "config": path} | given
            async with workflow_services(tmp_path, **settings) as services:
                yield Engine(services, server)

    return opened


def asked(**fields):
    return question("What is it?", **{"enable_rag": False, "enable_tools": False} | fields)


class Only(BaseWorkflow):
    """The answer is the text of a call of its own."""

    prompt: object = "Say it."

    @node
    async def answer(self, query: str) -> Answer:
        return Answer(text=await self.llm(self.prompt))


async def test_a_node_asks_a_model_and_its_call_is_in_the_output_the_ledger_and_the_metrics(engine):
    async with engine(says("It |is so.")) as found:
        with counted() as growth:
            output = await Only(found.services).execute_typed(asked())
        (row,) = [row for row in await found.rows() if row["cost_type"] == "llm"]
    (call,) = output.model_calls
    assert output.response == "It is so."
    assert (call.node, call.model, call.purpose, call.prompt) == ("answer", "mine:m", "own", "own")
    assert output.cost.llm == Decimal("0.00015") == call.cost_dollars
    assert (output.tokens.input, output.tokens.output) == (10, 5)
    assert (row["name"], row["node"], row["cost_nanos"]) == ("mine:m", "answer", 15 * TOKEN_NANOS)
    assert growth("vital_llm_calls_total", model="mine:m", status="success") == 1
    assert growth("vital_cost_dollars_total", cost_type="llm") == pytest.approx(0.00015)
    assert growth("vital_node_cost_dollars_total", node="answer", cost_type="llm") == pytest.approx(0.00015)


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("Say it.", [("user", "Say it.")]),
        (
            [
                {"role": "system", "content": "Be brief."},
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": " Hello [1]\n"},
                {"role": "assistant", "content": "Hello."},
                LlmMessage(role="system", content="Now in French."),
                {"role": "user", "content": "Again <source>"},
            ],
            [
                ("system", "Be brief."),
                ("system", "Be kind."),
                ("user", " Hello [1]\n"),
                ("assistant", "Hello."),
                ("system", "Now in French."),
                ("user", "Again <source>"),
            ],
        ),
    ],
)
async def test_the_prompt_is_sent_as_it_is_and_nothing_else(engine, prompt, sent):
    async with engine(says("Yes.")) as found:
        workflow = Only(found.services)
        workflow.prompt = prompt
        await workflow.execute_typed(asked())
        (body,) = found.bodies
    assert [(message["role"], message["content"]) for message in body["messages"]] == sent
    assert not body.keys() & {"tools", "response_format", "temperature"}


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


# Money


class Declared(BaseWorkflow):
    answer = None
    quality = None
    calls = 1
    max_tokens: int | None = 100

    @node(max_cost_dollars="0.0025")
    async def paid(self, query: str) -> str:
        for _ in range(self.calls):
            await self.llm("Say it.", max_tokens=self.max_tokens)
        return "done"


class Undeclared(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def paid(self, query: str) -> str:
        return await self.llm(query, max_tokens=100)


async def test_a_call_beyond_the_nodes_bound_is_refused_before_it_is_made(engine):
    async with engine(says("Yes.", written=80, read=8)) as found:
        workflow = Declared(found.services)
        workflow.calls = 5
        with pytest.raises(RunFailed) as failed:
            await workflow.execute_typed(asked())
    assert isinstance(failed.value.__cause__, CostLimitExceeded)
    assert failed.value.error_type == "budget"
    assert "max_cost_dollars" in str(failed.value)
    assert len(found.bodies) == 2  # of 880,000 nanos each; a third could cost 1,070,000


async def test_without_a_limit_of_its_own_an_answer_is_as_long_as_the_nodes_money_buys(engine):
    async with engine(says("Yes.")) as found:
        workflow = Declared(found.services)
        workflow.max_tokens = None
        await workflow.execute_typed(asked())
        (body,) = found.bodies
    assert 200 < body["max_tokens"] <= 250


@pytest.mark.parametrize("workflow", [Declared, Undeclared])
async def test_the_runs_own_limit_holds_for_calls_of_nodes(engine, workflow):
    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed) as failed:
            await workflow(found.services).execute_typed(asked(max_cost_dollars=Decimal("0.0005")))
    assert isinstance(failed.value.__cause__, CostLimitExceeded)
    assert found.bodies == []


@pytest.mark.parametrize("workflow", [Declared, Undeclared])
async def test_a_small_budget_does_not_admit_runs_at_once_that_each_cost_more(engine, workflow):
    gate = asyncio.Event()

    def slow(_):
        reply = says("Yes.", read=8, written=80)
        return type(reply)([gate, *reply.parts], headers=reply.headers)

    async with engine(slow) as found:
        services = found.services
        limits = TenantLimits(daily_dollars=Decimal("0.0001"))
        await services.limits.set("acme", limits, now=services.now())
        runs = [asyncio.create_task(workflow(services).execute_typed(asked())) for _ in range(3)]
        while sum(run.done() for run in runs) < 2:
            await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED, timeout=5)
            runs = sorted(runs, key=asyncio.Task.done)
        gate.set()
        results = await asyncio.gather(*runs, return_exceptions=True)
        bodies = len(found.bodies)
    refused = [getattr(each, "__cause__", None) or each for each in results if isinstance(each, Exception)]
    assert bodies == 1
    assert [type(each) for each in refused] == [BudgetExceeded, BudgetExceeded]


# Tools, streaming, pauses


@tool(cost_dollars=Decimal("0.002"), requires_approval=False)
async def weigh(thing: str) -> str:
    """Weigh a thing."""
    return f"{thing}: [1] 12 kg"


class Weighing(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def weight(self, query: str) -> str:
        return await self.llm("How heavy is it?", tools=[weigh])


async def test_tools_are_called_charged_and_seen_and_the_last_text_is_the_answer(engine):
    async with engine(calls("weigh", thing="it"), says("12 kg.")) as found:
        with counted() as growth:
            events = [event async for event in Weighing(found.services).execute_stream(asked())]
    output = events[-1].output
    assert output.values["weight"] == "12 kg."
    assert [line.node for line in output.timings.nodes if line.node.startswith("weight.")] == [
        "weight.1.model_1",
        "weight.1.tools_1",
        "weight.1.model_2",
    ]
    assert [event.type for event in events if isinstance(event, ToolStarted | ToolFinished)] == [
        "tool_started",
        "tool_finished",
    ]
    assert (output.cost.tools, output.cost.llm) == (Decimal("0.002"), Decimal("0.0003"))
    assert [result.content for result in output.tool_results] == ["it: [1] 12 kg"]
    assert growth("vital_tool_executions_total", tool="weigh", status="success") == 1
    last = found.bodies[-1]["messages"][-1]
    assert (last["role"], last["content"]) == ("tool", "it: [1] 12 kg")


async def test_a_loop_of_tools_has_its_limit(engine):
    replies = [calls("weigh", thing=f"thing {number}") for number in range(5)]
    async with engine(*replies, says("Enough.")) as found:
        output = await Weighing(found.services).execute_typed(asked())
    assert output.values["weight"] == "Enough."
    assert len(found.bodies) == 6
    assert found.bodies[-1]["tool_choice"] == "none"


async def test_a_tool_that_needs_approval_is_not_offered_where_the_user_approves(engine):
    @tool()
    async def send(text: str) -> str:
        """Send a mail."""
        raise AssertionError(text)

    class Sending(BaseWorkflow):
        answer = None
        quality = None

        @node
        async def sent(self, query: str) -> str:
            return await self.llm(query, tools=[send])

    async with engine(calls("send", text="Hi"), says("I may not.")) as found:
        output = await Sending(found.services).execute_typed(asked(mode="1"))
    assert output.values["sent"] == "I may not."
    assert "tools" not in found.bodies[0]


async def test_what_is_no_tool_is_refused_with_one_sentence(engine):
    async def weigh(thing: str) -> str:
        return thing

    class Wrong(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[weigh]))

    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r'"weigh" is none: put @tool\(\) above it'):
            await Wrong(found.services).execute_typed(asked())


async def test_the_pieces_of_the_answering_nodes_call_reach_the_reader_as_they_come(engine):
    gate = asyncio.Event()

    class Streaming(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, stream=True))

    reply = says("It |is |so.")
    first, *rest = reply.parts
    async with engine(type(reply)([first, gate, *rest], headers=reply.headers)) as found:
        pieces = []
        async for event in Streaming(found.services).execute_stream(asked()):
            if isinstance(event, Token):
                pieces.append(event.text)
                gate.set()
    assert pieces[0] == "It "
    assert "".join(pieces) == "It is so."


@pytest.mark.parametrize("streams", [True, False])
async def test_the_pieces_of_another_nodes_call_reach_the_reader_with_the_nodes_name(engine, streams):
    class Drafting(Workflow):
        @node
        async def drafts(self, query: str) -> tuple[str, ...]:
            return ("a",)

        @fan_out("part", over="drafts")
        async def draft(self, part: str) -> str:
            return await self.llm(part, stream=streams)

        @node
        async def answer(self, draft: tuple[Any, ...]) -> str:
            return "done"

    async with engine(says("It |is |so.")) as found:
        events = [event async for event in Drafting(found.services).execute_stream(asked())]
    pieces = [event for event in events if isinstance(event, NodeYielded)]
    assert "".join(event.value for event in pieces) == ("It is so." if streams else "")
    assert {(event.node, event.item) for event in pieces} <= {("draft", 0)}
    assert [event.text for event in events if isinstance(event, Token)] == ["done"]


class Pausing(BaseWorkflow):
    answer = None
    quality = None

    @node
    async def draft(self, query: str) -> str:
        return await self.llm(query)

    @node(pauses=True)
    async def verdict(self, draft: str) -> str:
        raise Pause(draft)

    @node
    async def final(self, draft: str, verdict: str) -> str:
        return f"{verdict}: " + await self.llm(draft)


async def test_a_resumed_run_does_not_ask_again_and_has_all_calls_in_its_output(engine):
    async with engine(says("Draft."), says("Final.")) as found:
        workflow = Pausing(found.services)
        paused = await workflow.execute_typed(asked())
        output = await workflow.resume(paused.run_id, answers={"verdict": "good"})
        rows = [row for row in await found.rows() if row["cost_type"] == "llm"]
    assert output.values["final"] == "good: Final."
    assert [call.node for call in paused.model_calls] == ["draft"]
    assert [call.node for call in output.model_calls] == ["draft", "final"]
    assert output.cost.llm == Decimal("0.0003")
    assert sum(row["cost_nanos"] for row in rows) == 30 * TOKEN_NANOS


# Failures


async def test_the_fallbacks_of_the_agent_answer_and_the_run_says_so(engine):
    def reply(request):
        return openai.error(500) if request.body["model"] == "m" else says("Yes.")

    async with engine(reply) as found:
        agents = found.services.agents
        agent = await agents.get("generalist", tenant_id="acme")
        await agents.save(agent.model_copy(update={"id": "two", "fallbacks": ("mine:n",)}), tenant_id=None)
        output = await Only(found.services).execute_typed(asked(agent_id="two"))
    assert output.response == "Yes."
    assert [(call.model, call.status) for call in output.model_calls] == [
        ("mine:m", "failed"),
        ("mine:n", "success"),
    ]
    assert "llm_fallback" in output.degradation_reasons


async def test_a_model_that_keeps_failing_is_left_alone(engine):
    async with engine(openai.error(500)) as found:
        for _ in range(8):
            with pytest.raises(RunFailed):
                await Only(found.services).execute_typed(asked())
        assert len(found.bodies) < 8


async def test_half_an_answer_is_no_answer(engine):
    broken = openai.stream([openai.chunk({"content": "It is"}), ConnectionError])
    async with engine(broken) as found:
        with pytest.raises(RunFailed) as failed:
            await Only(found.services).execute_typed(asked())
    assert failed.value.error_type == "model"


async def test_a_call_past_the_run_is_refused_with_a_sentence_that_names_the_way(engine):
    class Past(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            model = self.services.models.get("mine:m")
            request = ModelRequest(question=query)
            return Answer(text="".join([str(event) async for event in model.stream(request)]))

    async with engine(says("Yes.")) as found:
        with pytest.raises(RunFailed, match=r"self\.llm\(prompt"):
            await Past(found.services).execute_typed(asked())
        assert found.bodies == []


async def test_a_call_outside_of_runs_says_where_it_belongs(engine):
    async with engine(says("Yes.")) as found:
        with pytest.raises(ConfigurationError, match="for the nodes of a run"):
            await Only(found.services).llm("Say it.")


async def test_where_no_model_is_chosen_the_run_says_how(engine):
    async with engine(says("Yes."), model="") as found:
        with pytest.raises(RunFailed, match="set VITAL_MODEL"):
            await Only(found.services).execute_typed(asked())


@pytest.mark.parametrize(
    "prompt", ["", " \n", [], [{"role": "robot", "content": "Hi"}], [7], [("user", "Hi")]]
)
async def test_what_is_no_prompt_is_refused_with_one_sentence(engine, prompt):
    async with engine(says("Yes.")) as found:
        workflow = Only(found.services)
        workflow.prompt = prompt
        with pytest.raises(RunFailed, match=r"The prompt of self\.llm") as failed:
            await workflow.execute_typed(asked())
    assert isinstance(failed.value.__cause__, InvalidRequest)


async def test_the_items_of_a_fan_out_share_their_nodes_bound(engine):
    class Fanned(BaseWorkflow):
        answer = None
        quality = None

        @node
        async def parts(self, query: str) -> tuple[str, ...]:
            return tuple("abcd")

        @fan_out("part", over="parts", max_cost_dollars="0.0025", degradation="part_failed")
        async def said(self, part: str) -> str:
            return await self.llm(part, max_tokens=100)

    async with engine(says("Yes.", read=1, written=100)) as found:
        output = await Fanned(found.services).execute_typed(asked())
    assert len(found.bodies) == 2
    assert output.cost.llm <= Decimal("0.0025")


async def test_the_guides_workflow_runs_as_it_is_written(engine):
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    (code,) = (
        each for each in re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL) if "self.llm" in each
    )
    names: dict[str, Any] = {"__name__": __name__}
    exec(code, names)
    replies = (
        says('{"party": "Ann & Co", "years": 3}'),
        calls("calculator", expression="3 * 365"),
        says("They are |1095 days."),
    )
    async with engine(*replies) as found:
        output = await names["Extract"](found.services).execute_typed(asked())
    assert output.response == "They are 1095 days."
    assert output.values["contract"] == {"party": "Ann & Co", "years": 3}
    assert [call.node for call in output.model_calls] == ["contract", "answer", "answer"]


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


async def test_what_nodes_declare_is_reserved_before_the_run(engine):
    async with engine(says("Yes.")) as found:
        await found.services.limits.set(
            "acme", TenantLimits(daily_dollars=Decimal("0.002")), now=found.services.now()
        )
        gate = asyncio.Event()

        class Waiting(Declared):
            @node
            async def waits(self, query: str) -> str:
                await gate.wait()
                return query

        run = asyncio.create_task(Waiting(found.services).execute_typed(asked()))
        await found.server.asked.wait()
        standing = await found.services.limits.get("acme", now=found.services.now())
        gate.set()
        await run
        after = await found.services.limits.get("acme", now=found.services.now())
    assert standing.reserved_dollars == Decimal("0.0025")
    assert after.reserved_dollars == 0


async def test_a_run_that_has_called_a_tool_which_does_more_than_read_is_not_cached(engine):
    class Answering(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=await self.llm(query, tools=[weigh]))

    async with engine(
        calls("weigh", thing="it"),
        says("12 kg."),
        calls("weigh", thing="it"),
        says("12 kg."),
        cache_entries=100,
    ) as found:
        outputs = [await Answering(found.services).execute_typed(asked()) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["miss", "miss"]


async def test_an_equal_request_is_answered_from_the_cache_without_a_call(engine):
    async with engine(says("It is so."), cache_entries=100) as found:
        outputs = [await Only(found.services).execute_typed(asked()) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["miss", "hit"]
    assert len(found.bodies) == 1


async def test_a_slow_model_is_hedged_by_the_next(engine):
    never = asyncio.Event()

    def reply(request):
        quick = says("Yes.")
        return quick if request.body["model"] == "n" else type(quick)([never], headers=quick.headers)

    async with engine(reply) as found:
        agents = found.services.agents
        agent = await agents.get("generalist", tenant_id="acme")
        hedged = {"id": "hedged", "fallbacks": ("mine:n",), "hedge_after_seconds": 0.05}
        await agents.save(agent.model_copy(update=hedged), tenant_id=None)
        output = await Only(found.services).execute_typed(asked(agent_id="hedged"))
    assert output.response == "Yes."
    assert {(call.model, call.status) for call in output.model_calls} == {
        ("mine:m", "cancelled"),
        ("mine:n", "success"),
    }
