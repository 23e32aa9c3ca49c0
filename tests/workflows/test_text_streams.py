"""A workflow whose answer yields text and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from vital_shared import BaseWorkflow, Done, RunFailed, Workflow, node
from vital_shared.models.event import RunFinished, Token
from vital_shared.monitoring.counted import counted
from vital_shared.testing import question, workflow_services

WORDS = ("It ", "takes ", "42 ", "days.")


class Bare(Workflow):
    """Words, one after the other."""

    @node
    async def answer(self, query: str) -> AsyncIterator[str]:
        for word in WORDS:
            yield word


class BuiltIn(BaseWorkflow):
    """Words in place of the built-in answer."""

    @node
    async def answer(self, query: str) -> AsyncIterator[str]:
        for word in WORDS:
            yield word


@pytest.mark.parametrize("workflow", [Bare, BuiltIn])
async def test_its_tokens_are_the_response(tmp_path, workflow):
    async with workflow_services(tmp_path, cache_entries=10) as services:
        asked = question("How long?")
        events = [event async for event in workflow(services).execute_stream(asked)]
        again = await workflow(services).execute_typed(asked)
    assert tuple(event.text for event in events if isinstance(event, Token)) == WORDS
    [finished] = [event for event in events if isinstance(event, RunFinished)]
    assert finished.output.response == "It takes 42 days."
    assert again.response == "It takes 42 days."


class Silent(Workflow):
    """A generator that never yields."""

    @node
    async def answer(self, query: str) -> AsyncIterator[str]:
        for word in ():
            yield word


class Wordless(Workflow):
    """A generator that declares an empty text."""

    @node
    async def answer(self, query: str) -> AsyncIterator[str | Done[str]]:
        yield Done("")


async def test_a_stream_of_nothing_is_no_empty_response_unless_it_says_so(tmp_path):
    async with workflow_services(tmp_path) as services:
        with pytest.raises(
            RunFailed, match=r"node 'answer' \(test_text_streams.py:\d+\) has yielded nothing"
        ):
            await Silent(services).execute_typed(question("How long?"))
        assert (await Wordless(services).execute_typed(question("How long?"))).response == ""


class Whole(Workflow):
    """A text that comes as a whole."""

    @node
    async def answer(self, query: str) -> str:
        return "".join(WORDS)


@pytest.mark.parametrize(("workflow", "streams"), [(Bare, 1), (Whole, 0)])
async def test_a_time_to_the_first_token_is_that_of_a_stream(tmp_path, workflow, streams):
    async with workflow_services(tmp_path) as services:
        with counted() as growth:
            stream = workflow(services).execute_stream(question("How long?"))
            events = [event async for event in stream]
        [finished] = [event for event in events if isinstance(event, RunFinished)]
    assert "".join(event.text for event in events if isinstance(event, Token)) == "It takes 42 days."
    assert growth("vital_time_to_first_token_seconds_count") == streams
    assert (finished.output.timings.time_to_first_token_seconds is not None) == bool(streams)
