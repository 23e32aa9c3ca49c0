"""Equal sets are equal to the cache, whatever the order in which a process holds their items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from vital_shared import Workflow, WorkflowInput, node
from vital_shared.testing import workflow_services
from vital_shared.workflows.set_order import with_ordered_sets

ZERO_FIRST, EIGHT_FIRST = [0, 8], [8, 0]
"""Items that a small set of Python's holds in the order in which they came."""


@dataclass(frozen=True)
class Pair:
    numbers: frozenset[int]


class Labels(BaseModel):
    model_config = ConfigDict(frozen=True)

    numbers: frozenset[int]


class SetInput(WorkflowInput):
    query: str = "Which?"
    numbers: frozenset[int]
    labels: Labels
    pair: Pair
    by_name: dict[int, set[int]]
    listed: tuple[frozenset[int], ...]
    nested: frozenset[frozenset[int]]


class Using(Workflow[SetInput]):
    @node
    async def answer(self, input: SetInput) -> str:  # noqa: A002 - the name of the whole input
        return str(sum(input.numbers))


class Listing(WorkflowInput):
    query: str = "Which?"
    numbers: tuple[int, ...]


class Sequenced(Workflow[Listing]):
    @node
    async def answer(self, numbers: tuple[int, ...]) -> str:
        return str(numbers)


def given(numbers: Sequence[int]) -> dict[str, Any]:
    numbered = frozenset(numbers)
    return {
        "mode": "2",
        "tenant_id": "acme",
        "user_id": "ann",
        "numbers": numbered,
        "labels": Labels(numbers=numbered),
        "pair": Pair(numbered),
        "by_name": {number: set(numbers) for number in numbers},
        "listed": (numbered,),
        "nested": frozenset([numbered, frozenset([1])]),
    }


async def test_sets_of_any_order_find_the_same_answer(tmp_path) -> None:
    assert list(frozenset(ZERO_FIRST)) != list(frozenset(EIGHT_FIRST))
    async with workflow_services(tmp_path, cache_entries=9) as services:
        first = await Using(services).execute_typed(SetInput(**given(ZERO_FIRST)))
        second = await Using(services).execute_typed(SetInput(**given(EIGHT_FIRST)))
        other = await Using(services).execute_typed(SetInput(**given([0, 16])))
    assert [first.cache_status, second.cache_status, other.cache_status] == ["miss", "hit", "miss"]


@pytest.mark.parametrize(("numbers", "status"), [((0, 8), "hit"), ((8, 0), "miss")])
async def test_the_order_of_a_tuple_counts(tmp_path, numbers, status) -> None:
    asked = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}
    async with workflow_services(tmp_path, cache_entries=9) as services:
        await Sequenced(services).execute_typed(Listing(numbers=(0, 8), **asked))
        output = await Sequenced(services).execute_typed(Listing(numbers=numbers, **asked))
    assert output.cache_status == status


@pytest.mark.parametrize("as_json", ["8+0", [[0, 8]], {"0": 8}, None])
def test_what_a_serializer_has_made_of_a_set_stays_as_it_is(as_json) -> None:
    assert with_ordered_sets(frozenset(EIGHT_FIRST), as_json) == as_json
