"""Values whose declared types do not fit get one sentence when the class is defined."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType

import pytest
from tests.workflows.messages import one_sentence

from vital_shared import (
    Answer,
    BaseWorkflow,
    Done,
    Graph,
    Outcome,
    PlanError,
    fan_out,
    node,
)
from vital_shared.graph import NodeError

Celsius = NewType("Celsius", float)


@pytest.mark.parametrize(
    "kind", [str, bytes, dict[str, int], int, str | None, Annotated[str, "x"], Literal["a"]]
)
def test_a_fan_out_over_what_is_no_list(kind):
    with pytest.raises(
        PlanError, match=r"node 'Each.one' .* fans out over 'words', which node 'Each.words'"
    ) as error:

        class Each(Graph):
            @node
            async def words(self) -> kind: ...

            @fan_out("word", over="words")
            async def one(self, word): ...

    assert one_sentence(error).endswith("make it a tuple or a list")


@pytest.mark.parametrize("given", ["abc", b"abc", {"a": 1}, 5])
async def test_a_fan_out_over_an_input_that_is_no_list(given):
    class Each(Graph):
        inputs = ("words",)

        @fan_out("word", over="words")
        async def one(self, word): ...

    with pytest.raises(
        NodeError, match=r"fans out over 'words', whose type is .*: make it a tuple or a list"
    ):
        await Each().run(words=given)


def graph_of(made: Any, read: Any) -> type[Graph]:
    class Pair(Graph):
        @node
        async def first(self) -> made: ...

        @node
        async def second(self, first: read) -> None: ...

    return Pair


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (str, int),
        (int, str),
        (float, int),
        (tuple[str, ...], str),
        (str, tuple[str, ...]),
        (tuple[str, ...], tuple[int, ...]),
        (list[str], Sequence[int]),
        (str | None, int),
        (Answer, str),
        (dict[str, int], list[str]),
        (AsyncIterator[str | Done[Answer]], str),
        (Literal["a"], int),
        (Celsius, str),
        (None, int),
    ],
)
def test_a_value_read_as_another_type_than_it_is_made_with(made, read):
    with pytest.raises(
        PlanError, match=r"node 'Pair.second' \(.*\) reads 'first' as .*, and node 'Pair.first'"
    ) as error:
        graph_of(made, read)
    assert one_sentence(error).endswith("declare one type for both")


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (str, str),
        (str, object),
        (str, Any),
        (Any, str),
        (int, float),
        (bool, int),
        (str, str | None),
        (str | None, str),
        (tuple[str, ...], Sequence[str]),
        (list[int], Iterable[float]),
        (tuple[str, int], Sequence[str]),
        (dict[str, int], Mapping[str, int]),
        (AsyncIterator[str | Done[Answer]], Answer),
        (Celsius, float),
        (Literal["a", "b"], str),
        ("NotDefinedAnywhere", int),
        (object, int),
    ],
)
def test_types_that_may_fit_are_left_alone(made, read):
    assert [node.name for node in graph_of(made, read).plan.nodes] == ["first", "second"]


def test_a_fan_outs_items_and_outcomes_have_types_too():
    with pytest.raises(PlanError, match=r"reads 'word' as int, and node 'Items.words' .* makes str"):

        class Items(Graph):
            @node
            async def words(self) -> tuple[str, ...]: ...

            @fan_out("word", over="words")
            async def one(self, word: int) -> int: ...

    with pytest.raises(PlanError, match="reads 'one' as"):

        class Outcomes(Graph):
            inputs = ("words",)

            @fan_out("word", over="words")
            async def one(self, word: str) -> int: ...

            @node
            async def total(self, one: tuple[int, ...]) -> int: ...

    class Right(Graph):
        inputs = ("words",)

        @fan_out("word", over="words")
        async def one(self, word: str) -> int: ...

        @node
        async def total(self, one: tuple[Outcome[int], ...]) -> int: ...


def test_a_subclass_that_makes_another_type_than_the_built_in_nodes_read():
    with pytest.raises(
        PlanError, match=r"reads 'question' as str, and node 'Numbered.question' .* makes int"
    ):

        class Numbered(BaseWorkflow):
            @node
            async def question(self, query: str) -> int: ...
