"""Inputs of which JSON does not hold all: none is taken for another one, nor comes back as something else."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, PlainSerializer

from vital_shared import BaseWorkflow, Graph, Pause, Workflow, node
from vital_shared.errors import RunFailed
from vital_shared.graph import subworkflow
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.testing import question

GIVEN: dict[str, Any] = {"query": "?", "mode": "2", "tenant_id": "acme", "user_id": "ann"}


Masked = Annotated[str, PlainSerializer(lambda _: "***")]
"""A text of which JSON gets to see nothing, by a serializer of the class's own."""


class Shape(BaseModel):
    name: str = "round"


class Circle(Shape):
    radius: int


class OddInput(WorkflowInput):
    masked: Masked | None = None
    hidden: str = Field(default="", exclude=True)
    shape: Shape = Shape()
    share: float | None = None
    unread: Masked | None = None


class Showing(Workflow[OddInput]):
    @node
    async def answer(
        self,
        masked: Masked | None,
        hidden: str,
        shape: Shape,
        share: float | None,
        metadata: dict[str, Any],
    ) -> str:
        shown = masked or ""
        return f"{shown} {hidden} {shape!r} {share} {metadata}"


class Asking(Workflow[OddInput]):
    @node(pauses=True)
    async def verdict(self) -> bool:
        raise Pause("Is it right?")

    @node
    async def answer(
        self, verdict: bool, masked: Masked | None, hidden: str, shape: Shape, share: float | None
    ) -> str:
        return f"{verdict} {masked} {hidden} {shape} {share}"


ODD = (
    {"masked": "one"},
    {"masked": "two"},
    {"hidden": "one"},
    {"hidden": "two"},
    {"shape": Circle(radius=1)},
    {"shape": Circle(radius=2)},
    {"share": math.nan},
    {"share": math.inf},
)


async def test_requests_that_are_the_same_in_json_get_their_own_answers(open_services):
    services = await open_services(cache_entries=99)
    workflow = Showing(services)
    fields = ({}, {}, *ODD, {"metadata": {"a": (1,)}}, {"metadata": {"a": [1]}})
    outputs = [await workflow.execute_typed(OddInput(**GIVEN, **each)) for each in fields]
    assert len({output.response for output in outputs}) == len(fields) - 1
    assert [output.cache_status for output in outputs] == ["miss", "hit", *["bypass"] * 9, "miss"]


async def test_a_node_of_ones_own_gets_the_question_as_it_was_asked(open_services):
    services = await open_services(cache_entries=9)

    class Echo(BaseWorkflow):
        @node
        async def echoed(self, query: str) -> str:
            return query

    asked = ("How long is the review of a widget?", "How long is the REVIEW of a widget?")
    outputs = [await Echo(services).execute_typed(question(each, model="canned")) for each in asked * 2]
    assert [output.values["echoed"] for output in outputs] == [*asked, *asked]
    assert [output.cache_status for output in outputs] == ["miss", "miss", "hit", "hit"]


async def test_a_field_that_no_node_reads_keeps_no_answer_out_of_the_cache(open_services):
    services = await open_services(cache_entries=99)
    requests = [OddInput(**GIVEN, unread=text) for text in ("one", "two")]
    outputs = [await Showing(services).execute_typed(each) for each in requests]
    assert [output.cache_status for output in outputs] == ["miss", "hit"]


@pytest.mark.parametrize("fields", ODD)
async def test_a_run_whose_input_would_not_come_back_ends_at_its_pause(services, fields):
    with pytest.raises(RunFailed, match=f"cannot pause: {next(iter(fields))} of its input would not be the"):
        await Asking(services).execute_typed(OddInput(**GIVEN, **fields))


async def test_a_run_pauses_whatever_the_fields_hold_that_no_node_reads(services):
    request = OddInput(**GIVEN, unread="one", metadata={"a": (1,)})
    paused = await Asking(services).execute_typed(request)
    output = await Asking(services).resume(paused.run_id, answers={"verdict": True})
    assert output.response.startswith("True None")


async def test_a_workflow_within_a_plain_graph_keeps_its_rules_of_the_cache(open_services):
    services = await open_services(cache_entries=9)

    class Now(Workflow):
        cacheable = False

        @node
        async def answer(self, query: str) -> str:
            return query

    class Plain(Graph):
        inputs = ("query",)
        now = subworkflow(Now)

        @node
        async def answer(self, now: str) -> str:
            return now

    class Outer(Workflow):
        plain = subworkflow(Plain)

        @node
        async def answer(self, plain: str) -> str:
            return plain

    outputs = [await Outer(services).execute_typed(WorkflowInput(**GIVEN)) for _ in range(2)]
    assert [output.cache_status for output in outputs] == ["bypass", "bypass"]
