"""Mistakes of newcomers that ended in silence, or in somebody else's traceback: each gets one sentence."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs
from tests.workflows.conftest import Open

from vital_shared import (
    Done,
    Outcome,
    Pause,
    PlanError,
    Retry,
    RunFailed,
    Workflow,
    WorkflowInput,
    fan_out,
    node,
    repeat,
    tool,
)
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Skip
from vital_shared.testing import CannedModel, question


class Contract(BaseModel):
    party: str


class Letter(WorkflowInput):
    query: str = "Write it."
    text: str


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (Pause("Shall it be sent?"), r"returned Pause\(…\): write raise Pause\(…\)"),
        (Skip(), r"returned Skip\(…\): write raise Skip\(…\)"),
        (Done("text"), r"returned Done\(…\), which generators yield: return the value itself"),
    ],
)
async def test_a_pause_that_is_returned_does_not_pass_for_an_answer(services, value, sentence):
    class Approved(Workflow):
        @node(pauses=True)
        async def verdict(self, query: str) -> str:
            return value

        @node
        async def answer(self, verdict: str) -> str:
            return verdict

    with pytest.raises(RunFailed, match=rf"node 'verdict' \(.*:\d+\) {sentence}"):
        await Approved(services).execute_typed(question("a"))


async def test_an_item_that_returns_a_pause_has_failed(services):
    class Each(Workflow):
        @node
        async def words(self, query: str) -> tuple[str, ...]:
            return (query,)

        @fan_out("word", over="words")
        async def asked(self, word: str) -> Any:
            return Pause(word)

        @node
        async def answer(self, asked: tuple[Outcome[Any], ...]) -> str:
            return f"{asked[0].error}"

    output = await Each(services).execute_typed(question("a"))
    assert "write raise Pause(…)" in output.response


@pytest.mark.parametrize(
    ("value", "made"), [(None, "None"), ({"a": 1}, "a value of type dict"), (7, "a value of type int")]
)
async def test_a_response_that_is_none_is_not_an_empty_one(services, value, made):
    class Untyped(Workflow):
        @node
        async def answer(self, query: str):
            return value

    with pytest.raises(RunFailed, match=f"node 'answer' returned {made}, and it is the response"):
        await Untyped(services).execute_typed(question("a"))


async def test_a_response_that_is_none_in_place_of_the_declared_text(services):
    class Forgotten(Workflow):
        @node
        async def answer(self, query: str) -> str:
            query.upper()

    class Lost(Workflow):
        async def _other(self, query: str) -> str:
            query.upper()

        @node(fallback=_other)
        async def answer(self, query: str) -> str:
            raise ValueError

    for kind in (Forgotten, Lost):
        with pytest.raises(RunFailed, match="node 'answer' returned None, and it is the response"):
            await kind(services).execute_typed(question("a"))


async def test_a_node_that_fails_on_a_value_names_the_node_that_made_another_type(services):
    class Forgotten(Workflow):
        @node
        async def part(self, query: str) -> str:
            query.upper()

        @node
        async def answer(self, part: str) -> str:
            return part.upper()

    class Mistyped(Workflow):
        @node
        async def part(self, query: str) -> int:
            return "secret words"

        @node
        async def answer(self, part: int) -> str:
            return str(part + 1)

    class Unseen(Workflow):
        @node
        async def items(self, query: str) -> tuple[str, ...]:
            return ("1", "two")

        @fan_out("item", over="items")
        async def part(self, item: str) -> str:
            return str(int(item))

        @node
        async def answer(self, part: tuple[Outcome[str], ...]) -> str:
            return " ".join(outcome.value for outcome in part)

    class Repeated(Workflow):
        text = repeat(Forgotten, carry="query", until=bool, limit=1)

        @node
        async def answer(self, text: str) -> str:
            return text

    none = r"AttributeError: 'part' is None, and node 'part' \(test_newcomers_mistakes.py:\d+\) declares str"
    for kind, sentence in (
        (Forgotten, none),
        (Mistyped, "TypeError: 'part' is str, and node 'part' .* declares int$"),
        (Unseen, "TypeError: 1 of the 2 outcomes in 'part' have failed, and hold no value"),
        (Repeated, none),
    ):
        with pytest.raises(RunFailed, match=sentence) as failed:
            await kind(services).execute_typed(question("a"))
        assert any("'part'" in note for note in failed.value.__cause__.__notes__)


async def test_a_node_that_declares_it_may_return_none_may(services):
    class Perhaps(Workflow):
        @node
        async def answer(self, query: str) -> str | None:
            return None

    assert (await Perhaps(services).execute_typed(question("a"))).response == ""


def test_an_input_that_declares_a_field_of_every_run_as_another_type():
    class Fast(WorkflowInput):
        mode: str = "fast"

    with pytest.raises(
        PlanError, match="Fast declares the field 'mode' again, as str, and a run needs it as"
    ):

        class Odd(Workflow[Fast]):
            pass


async def test_an_input_may_give_a_field_a_default_or_a_narrower_type(services):
    class Narrow(WorkflowInput):
        query: str = "Go."
        session_id: str = "s1"

    class Fine(Workflow[Narrow]):
        @node
        async def answer(self, query: str, session_id: str) -> str:
            return f"{query} {session_id}"

    narrow = Narrow(mode="4", tenant_id="acme", user_id="ann")
    assert (await Fine(services).execute_typed(narrow)).response == "Go. s1"


async def test_answers_that_are_no_mapping(services):
    class Asking(Workflow):
        @node(pauses=True)
        async def verdict(self, query: str) -> str:
            raise Pause(query)

    paused = await Asking(services).execute_typed(question("a"))
    with pytest.raises(InvalidRequest, match="answers names each node that waits, with its answer, as in"):
        await Asking(services).resume(paused.run_id, answers="yes")


@pytest.mark.parametrize("option", [{"timeout": "5s"}, {"timeout": True}])
def test_a_time_that_is_no_number_of_a_node(option):
    with pytest.raises(
        PlanError,
        match=r"^node 'Timed\.answer' \(.*\.py:\d+\) declares timeout=.*: write seconds, such as 2\.5",
    ):

        class Timed(Workflow):
            @node(**option)
            async def answer(self, query: str) -> str:
                return query


def test_an_amount_that_is_no_number_of_a_node():
    with pytest.raises(
        PlanError, match=r"^node 'Priced\.answer' \(.*\.py:\d+\) declares max_cost_dollars='cheap'"
    ):

        class Priced(Workflow):
            @node(max_cost_dollars="cheap")
            async def answer(self, query: str) -> str:
                return query


@pytest.mark.parametrize("option", ["item_timeout", "deadline"])
def test_a_time_that_is_no_number_of_a_fan_out(option):
    with pytest.raises(
        PlanError, match=rf"^node 'Timed\.each' \(.*\.py:\d+\) declares {option}='5s': write seconds"
    ):

        class Timed(Workflow):
            @fan_out("word", over="query", **{option: "5s"})
            async def each(self, word: str) -> str:
                return word


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"output": {"type": "object"}}, "output={'type': 'object'} is a dict: write a type"),
        ({"output": [Contract]}, "is a list: write a type, such as a pydantic model or list"),
        ({"output": (int, str)}, "is a tuple: write a type"),
        ({"prompt": {"role": "user", "content": "Hi"}}, "is a single message: write a list, [message]"),
        ({"tools": ["calculator"]}, 'self.llm takes the tools themselves, and "calculator" is a name'),
    ],
)
async def test_arguments_of_a_call_that_are_almost_right(open_services: Open, options, sentence):
    class Asking(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return str(await self.llm(**{"prompt": query, "model": "canned"} | options))

    services = await open_services(models=[CannedModel("{}")])
    with pytest.raises(RunFailed) as failed:
        await Asking(services).execute_typed(question("a"))
    assert sentence in str(failed.value)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"timeout_seconds": "2"}, "timeout_seconds must be a number above 0, and not '2'"),
        (
            {"timeout_seconds": timedelta(seconds=2)},
            "timeout_seconds must be a number above 0, and not datetime",
        ),
        (
            {"cost_dollars": "0.01"},
            r"cost_dollars must be a Decimal, as in Decimal\(\"0.01\"\), and not '0.01'",
        ),
        ({"keywords": "bmi"}, r"keywords must be texts, as in keywords=\(\"…\",\), and not 'bmi'"),
        ({"examples": "What is the BMI?"}, "examples must be texts"),
        ({"examples": 3}, "examples must be texts"),
        ({"keywords": (3,)}, "keywords must be texts"),
        ({"requires_approval": "no"}, "requires_approval must be True or False, and not 'no'"),
        ({"read_only": 1}, "read_only must be True or False, and not 1"),
        ({"from_query": "bmi"}, "from_query must be a function of the question, and not 'bmi'"),
    ],
)
def test_an_option_of_another_kind_of_a_tool(option, sentence):
    with pytest.raises(ConfigurationError, match=f'Tool "body_mass_index": {sentence}'):

        @tool(**option)
        async def body_mass_index(kilograms: float, metres: float) -> str:
            """Compute the body mass index."""


@pytest.mark.parametrize(
    "option", [{"attempts": "3"}, {"attempts": 2.5}, {"jitter": "1"}, {"backoff_seconds": True}]
)
def test_a_number_of_a_retry_that_is_none(option):
    (name,) = option
    with pytest.raises(PlanError, match=f"Retry has {name}=.*: write a number, such as {name}="):
        Retry(on=(ConnectionError,), **option)


def test_a_tool_that_is_a_method():
    with pytest.raises(ConfigurationError, match='Tool "add" is a method: write a function, outside'):

        class Adding:
            @tool()
            async def add(self, one: int) -> int:
                """Add."""
                return one


async def test_an_item_that_pauses_says_that_it_cannot(services):
    class Each(Workflow):
        @node
        async def words(self, query: str) -> tuple[str, ...]:
            return (query,)

        @fan_out("word", over="words")
        async def asked(self, word: str) -> str:
            raise Pause(word)

        @node
        async def answer(self, asked: tuple[Outcome[str], ...]) -> str:
            return f"{asked[0].error}"

    output = await Each(services).execute_typed(question("a"))
    assert (
        "an item of node 'asked' pauses, and a fan-out waits for nobody: pause in a node" in output.response
    )


@pytest.mark.parametrize("option", ["degradation", "on_timeout"])
def test_a_degradation_that_is_no_word(option):
    with pytest.raises(PlanError, match="declares the degradation 3: write a word for the reason"):

        class Odd(Workflow):
            @node(optional=True, **{option: 3})
            async def mood(self, query: str) -> str:
                return query


async def test_a_graphs_own_run_is_no_run_in_which_a_model_may_be_asked(services):
    class Asking(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return await self.llm(query)

    with pytest.raises(ConfigurationError, match="of a run that execute_typed or execute_stream begins"):
        await Asking(services).run(query="a")


async def test_a_graphs_own_run_is_warned_of_once_with_the_way_to_a_measured_one(services):
    class Bare(Workflow[Letter]):
        @node
        async def answer(self, text: str) -> str:
            return text

    with capture_logs() as logs:
        for text in "ab":
            run = await Bare(services).run(text=text)
            assert run.value("answer") == text
    (warned,) = [line for line in logs if line["event"] == "bare_run"]
    assert warned["workflow"] == "Bare"
    assert warned["hint"].endswith(
        "await Bare().execute_typed(Letter(mode=…, tenant_id=…, user_id=…, text=…))"
    )


async def test_an_attribute_that_a_node_sets_is_warned_of_once_since_all_runs_share_it(services):
    class Inner(Workflow[Letter]):
        def __init__(self, services=None):
            super().__init__(services)
            self.made_in_a_node = True

        @node
        async def answer(self, text: str) -> str:
            return text

    class Sharing(Workflow[Letter]):
        def __init__(self, services=None):
            super().__init__(services)
            self.greeting = "Dear"

        @node
        async def answer(self, text: str) -> str:
            Inner()
            self.letter = text
            return f"{self.greeting} {self.letter}"

    sharing = Sharing(services)
    with capture_logs() as logs:
        for text in "ab":
            answer = await sharing.execute_typed(Letter(mode="2", tenant_id="acme", user_id="ann", text=text))
            assert answer.response == f"Dear {text}"
    (warned,) = [line for line in logs if line["event"] == "node_sets_attribute"]
    assert (warned["node"], warned["attribute"]) == ("answer", "letter")
    assert warned["hint"].startswith(
        "self.letter is shared by all runs of this object, those of other tenants too"
    )


def test_a_workflow_class_where_a_part_has_to_stand():
    class Inner(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return query

    with pytest.raises(
        PlanError, match=r"needs 'inner', which is the class Inner .*: write inner = subworkflow\("
    ):

        class Outer(Workflow):
            inner = Inner

            @node
            async def answer(self, inner: str) -> str:
                return inner


def test_a_node_with_the_name_of_a_method_names_the_class_that_its_author_knows():
    with pytest.raises(PlanError, match=r"node 'Asking.llm' \(.*\) has a name that Workflow itself uses"):

        class Asking(Workflow):
            @node
            async def llm(self, query: str) -> str:
                return query
