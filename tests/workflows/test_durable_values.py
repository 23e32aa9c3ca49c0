"""Values of durable workflows that the store cannot hold: their nodes run again after a death."""

import asyncio
import warnings
from typing import Any

import pytest
from structlog.testing import capture_logs

from vital_shared import Workflow, node
from vital_shared.graph import PlanWarning
from vital_shared.testing import question, workflow_services
from vital_shared.workflows.declared import check_values


class Handle:
    """An object that JSON cannot hold."""


def test_a_value_of_an_unstorable_type_is_warned_of_at_the_definition():
    with pytest.warns(
        PlanWarning, match="is part of a durable workflow, and its value cannot be stored"
    ) as caught:

        class Opens(Workflow):
            durable = "nodes"

            @node
            async def opened(self, query: str) -> Handle:
                return Handle()

            @node
            async def untyped(self, query: str):
                return query

            @node
            async def answer(self, opened: Handle, untyped: Any) -> str:
                return str(untyped)

    sentences = [str(each.message) for each in caught]
    assert [each.partition(" (")[0] for each in sentences] == ["node 'Opens.opened'", "node 'Opens.untyped'"]
    assert all("declare a type that JSON can hold" in each and "\n" not in each for each in sentences)
    assert {each.filename for each in caught} == {__file__}


def test_one_that_is_made_durable_by_the_configuration_is_warned_of_too():
    class Plain(Workflow):
        @node
        async def opened(self, query: str) -> Handle:
            return Handle()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(Plain.plan, "pauses")
    with pytest.warns(PlanWarning, match="node 'Plain.opened'"):
        check_values(Plain.plan, "nodes")


async def test_a_value_that_is_not_of_its_type_is_warned_of_once(tmp_path):
    class Other(Workflow):
        durable = "nodes"

        @node
        async def slow(self, query: str) -> int:
            await asyncio.sleep(0.05)
            return query  # type: ignore[return-value]

        @node
        async def answer(self, slow: int) -> str:
            await asyncio.sleep(0.05)
            return "done"

    async with workflow_services(tmp_path) as services:
        with capture_logs() as logs:
            for _ in range(2):
                output = await Other(services).execute_typed(question("a"))
                assert output.response == "done"
    (line,) = [each for each in logs if each["event"] == "node_not_storable"]
    assert (line["node"], line["log_level"]) == ("slow", "warning")
    assert line["place"].startswith("test_durable_values.py:")
    assert "return what JSON can hold" in line["hint"]
