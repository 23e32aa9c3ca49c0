"""Typical mistakes get one sentence that says what to do, and no traceback of ours, and no silence."""

import pickle
import re
import warnings
from collections.abc import AsyncIterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.workflows.conftest import Open
from tests.workflows.messages import one_sentence

from vital_shared import (
    Answer,
    BaseWorkflow,
    ConfigurationError,
    Done,
    Graph,
    InvalidRequest,
    Observer,
    Pause,
    PlanError,
    RunFailed,
    Services,
    Workflow,
    WorkflowInput,
    fan_out,
    node,
    tool,
)
from vital_shared.graph import PlanWarning, repeat, subworkflow
from vital_shared.testing import question
from vital_shared.tools.base import Tool

unchecked_node: Any = node
"""The decorator for calls that a type checker refuses before they run."""

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")


def test_a_bare_tool_decorator():
    with pytest.raises(ConfigurationError) as error:

        @tool
        async def weekday(day: int) -> str:
            """Name a day."""

    assert one_sentence(error) == 'Tool "weekday": write @tool() above it, with parentheses.'


def plain(day: int) -> str:
    return ""


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"tools": [plain]}, "The function plain is not a tool: put @tool() above the function."),
        ({"tools": ["calculator"]}, "'calculator' is not a tool"),
        ({"tools": plain}, "The function plain is not a list of tools: write tools=[…]."),
        ({"models": ["gpt-4"]}, "'gpt-4' cannot be one of the models: a model is an object with a name and a stream."),
        ({"models": "gpt-4"}, "'gpt-4' is not a list of models: write models=[…]."),
        ({"sources": [Observer]}, "The class Observer cannot be one of the sources: a source is an object with a name"),
    ],
)  # fmt: skip
async def test_a_part_that_is_none(parts, said):
    with pytest.raises(ConfigurationError) as error:
        await Services.open(**parts)
    assert said in one_sentence(error)


async def test_a_class_without_nodes_is_refused_when_it_is_to_run(services):
    class Empty(Workflow):
        pass

    request = WorkflowInput(query="a", mode="2", tenant_id="acme", user_id="ann")
    for attempt in (Empty(services).execute_typed, Empty(services).start_in_background):
        with pytest.raises(ConfigurationError) as error:
            await attempt(request)
        assert one_sentence(error) == (
            "Empty has no nodes, and would do nothing: put @node above each method that makes a value."
        )


@pytest.mark.parametrize(
    ("given", "kind"), [({"query": "a"}, "dict"), ("Is it so?", "str"), (None, "NoneType")]
)
async def test_an_input_that_is_none(services, given, kind):
    with pytest.raises(InvalidRequest) as error:
        await BaseWorkflow(services).execute_typed(given)
    assert f"The input of BaseWorkflow is a {kind}: give it a WorkflowInput(" in one_sentence(error)


class Forgetful(BaseWorkflow):
    def __init__(self, services):
        self.extra = services


async def test_a_constructor_that_does_not_call_the_bases(services):
    workflow = Forgetful(services)
    for attempt in (lambda: workflow.execute_typed(question("a")), workflow.__aenter__, workflow.aclose):
        with pytest.raises(ConfigurationError) as error:
            await attempt()
        assert one_sentence(error) == (
            "Forgetful.__init__ does not call super().__init__(services): make that its first line."
        )
    with pytest.raises(ConfigurationError):
        _ = workflow.services


def test_a_method_that_looks_like_a_node():
    with pytest.warns(PlanWarning, match=r"method 'Counting.words' \(.*:\d+\) looks like a node") as caught:

        class Counting(BaseWorkflow):
            async def words(self, answer: Answer) -> int:
                return len(answer.text.split())

    assert Path(caught[0].filename) == Path(__file__)


def test_methods_that_are_no_nodes_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Counting(BaseWorkflow, methods=("export",)):
            @node
            async def words(self, answer: Answer) -> int:
                return await self.count(answer)

            async def count(self, answer: Answer) -> int:
                return len(answer.text.split())

            async def _spare(self, answer: Answer) -> None: ...

            def export(self, answer: Answer) -> bytes:
                return pickle.dumps(answer)

            async def elsewhere(self, path: str) -> None: ...

            async def estimate(self, answer: Answer) -> int:
                return len(answer.text) // 5

            @node(fallback=estimate)
            async def length(self, answer: Answer) -> int:
                return len(answer.text.split())

            async def question(self, query: str) -> str:
                return query

            async def execute_typed(self, input):  # noqa: A002 - the seed's name
                return await super().execute_typed(input)

    names = {node.name for node in Counting.plan.nodes}
    assert {"words", "length"} <= names
    assert not names & {"count", "_spare", "export", "estimate"}


class Seen(Observer):
    def __init__(self):
        self.nodes = []

    def node_finished(self, run, node, status, seconds, error):
        self.nodes.append(node.name)


async def test_an_observer_that_a_class_names_gets_its_runs(open_services: Open):
    class Watched(BaseWorkflow):
        observers = (Seen(),)

    await Watched(await open_services()).execute_typed(question("How long?", model="canned"))
    assert "answer" in Watched.observers[0].nodes


async def test_an_observer_of_one_object_gets_its_runs_alone():
    class Greeting(Graph):
        @node
        async def hello(self) -> str: ...

    watched = Greeting()
    watched.observers = (Seen(),)
    await watched.run()
    await Greeting().run()
    assert watched.observers[0].nodes == ["hello"]


@pytest.mark.parametrize("given", [(Seen,), Seen, ("seen",), [object()]])
def test_an_observer_that_is_none(given):
    with pytest.raises(
        PlanError, match=r"graph 'Watched' has .* among its observers: write a tuple of objects"
    ) as error:

        class Watched(Graph):
            observers = given

    one_sentence(error)


def test_the_guides_observer_is_one():
    (code,) = re.findall(r"```python\n((?:(?!```).)*?observers = .*?)```", GUIDE, flags=re.DOTALL)
    names = {}
    exec(code, names)
    assert isinstance(names["MyWorkflow"].observers[0], Observer)


def test_the_decorator_with_parentheses_makes_a_tool():
    @tool()
    async def weekday(day: int) -> str:
        """Name a day."""

    assert isinstance(weekday, Tool)


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({"input_type": WorkflowInput}, "names its input type: write it as a type parameter"),
        ({"result_type": int}, "names its result type: write it as a type parameter"),
        ({"cacheable": "no"}, "has cacheable = 'no': write True or False"),
        ({"cache_version": 3}, "has cache_version = 3: write a text"),
        ({"modes": "2"}, "has modes = '2': write frozenset"),
        ({"modes": {"2"}}, "has modes = {'2'}: write frozenset"),
    ],
)
def test_a_rule_of_another_kind_is_an_error_at_the_definition(declared, sentence):
    with pytest.raises(PlanError, match=re.escape(f"workflow 'Odd' {sentence}")):
        type("Odd", (Workflow,), declared)


@pytest.mark.parametrize("name", ["a.b", "two words", "3", 7])
def test_a_value_that_no_parameter_can_name_is_an_error_at_the_definition(name):
    with pytest.raises(PlanError, match="write a name that a parameter can have"):

        class Dotted(Workflow):
            @node(makes=name)
            async def length(self) -> int:
                return 1


def test_a_retry_that_is_none_is_an_error_at_the_definition():
    with pytest.raises(PlanError, match=r"declares retry=3: write Retry\(on="):

        class Retrying(Workflow):
            @node(retry=3)
            async def length(self) -> int:
                return 1


class PagesInput(WorkflowInput):
    pages: int


class Pages(Workflow[PagesInput]):
    @node
    async def answer(self, input: PagesInput) -> str:  # noqa: A002 - the value's name
        return str(input.pages)


@pytest.mark.parametrize("part", [subworkflow(Pages), repeat(Pages, carry="query", until=bool, limit=2)])
def test_a_part_whose_whole_input_lacks_a_field_is_an_error_at_the_definition(part):
    with pytest.raises(PlanError, match="Pages, needs 'pages' in its PagesInput, and nothing makes it"):
        type("Outer", (Workflow,), {"part": part})


def test_a_part_whose_whole_input_is_given_is_no_error():
    class Outer(Workflow):
        part = subworkflow(Pages, pages="length")

        @node
        async def length(self, query: str) -> int:
            return len(query)

    class Inner(Workflow[PagesInput]):
        part = subworkflow(Pages)

    assert all("part.answer" in {node.name for node in each.plan.nodes} for each in (Outer, Inner))


def test_a_node_without_self_is_an_error_at_the_definition():
    with pytest.raises(PlanError) as error:

        class Selfless(Workflow):
            @node
            async def answer(query: str) -> str:  # noqa: N805 - the mistake
                return query

    assert "takes no self, and 'query' would be it: write self before 'query'" in one_sentence(error)


@pytest.mark.parametrize(
    ("decorate", "sentence"),
    [
        (lambda: unchecked_node(retries=3), "which is not an option of @node: did you mean 'retry'?"),
        (lambda: unchecked_node(colour="red"), "which is not an option of @node: it takes makes, timeout,"),
        (
            lambda: fan_out("word", over="words", item_timeot=3),
            "which is not an option of @fan_out: did you mean 'item_timeout'?",
        ),
    ],
)
def test_an_unknown_option_of_a_node_is_an_error_at_the_definition(decorate, sentence):
    with pytest.raises(PlanError) as error:

        class Odd(Workflow):
            @decorate()
            async def length(self, query: str) -> int:
                return 1

    text = one_sentence(error)
    assert text.startswith("node 'Odd.length' (test_typical_mistakes.py:")
    assert sentence in text


def test_the_name_of_a_node_given_by_position_is_an_error_at_the_definition():
    with pytest.raises(PlanError) as error:
        unchecked_node("length")
    assert one_sentence(error) == "@node is given 'length': name what it is, as in @node(makes=\"length\")"


@pytest.mark.parametrize("kind", [property, cached_property, partial])
def test_a_decorator_above_what_is_no_method_is_an_error_at_the_definition(kind):
    with pytest.raises(PlanError) as error:
        node(kind(lambda self: "x"))
    assert one_sentence(error) == f"@node is given a {kind.__name__}: put it above a plain method"


async def test_a_pause_without_a_request_waits_all_the_same(services):
    class Waiting(Workflow):
        @node(pauses=True)
        async def verdict(self, query: str) -> str:
            raise Pause

        @node
        async def answer(self, verdict: str) -> str:
            return verdict

    waiting = await Waiting(services).execute_typed(question("Is it so?"))
    assert [(each.name, each.value) for each in waiting.required_input] == [("verdict", None)]
    assert (await Waiting(services).resume(waiting.run_id, answers={"verdict": "yes"})).response == "yes"


async def test_the_class_done_is_no_value(services):
    class Unfinished(Workflow):
        @node
        async def answer(self, query: str) -> AsyncIterator[str | Done[str]]:
            yield query
            yield Done

    with pytest.raises(RunFailed, match=r"node 'answer' yields the class Done: write Done\(value\)"):
        await Unfinished(services).execute_typed(question("Is it so?"))


@pytest.mark.parametrize("given", [{}, "services", Services])
def test_services_that_are_none(given):
    with pytest.raises(ConfigurationError) as error:
        BaseWorkflow(given)
    kind = type(given).__name__
    assert one_sentence(error) == (
        f"BaseWorkflow is given a {kind} as its services: write BaseWorkflow(await Services.open(…)), or "
        "BaseWorkflow() for the default ones."
    )


class Card(BaseModel):
    number: int = 0


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (Card(), "output is a value of Card: write the type itself, output=Card"),
        ("Card", "output='Card' is a text: write the type itself, without quotes"),
        (list["Cart"], "output=list cannot be asked for: `TypeAdapter[list['Cart']]` is not fully defined"),  # type: ignore[name-defined]  # noqa: F821
        (3, "output=3 cannot be asked for: "),
    ],
)
async def test_an_output_that_is_no_type(services, output, sentence):
    class Asking(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return str(await self.llm(query, output=output))

    with pytest.raises(RunFailed) as error:
        await Asking(services).execute_typed(question("Is it so?"))
    assert sentence in one_sentence(error)
