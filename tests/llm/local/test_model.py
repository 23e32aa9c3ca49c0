"""SmolLM2 really generating, streamed, cancelled midway, and kept behind its gate."""

import asyncio
import os
import re
import signal
from contextlib import aclosing

import aiohttp
import pytest
from tests.variants import sampled

from vital_shared.llm.base import (
    CallStarted,
    ModelError,
    ModelRequest,
    ModelUnavailable,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.llm.extractive import NO_ANSWER
from vital_shared.llm.local.grammar import answer_form
from vital_shared.llm.local.model import LocalModel, installed_models
from vital_shared.llm.prompts.counting import at_most
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.models.message import Message
from vital_shared.models.tool import ToolResult
from vital_shared.testing import passage

REVIEW = passage("The review of a widget takes 42 days. It costs nothing.", score=5.0)
FREE = ModelRequest(question="Count from 1 to 500, one number a line.", grounded=False)


@pytest.fixture
async def model(smollm2):
    made = LocalModel("local:smollm2", smollm2, None, at_most)
    yield made
    await made.aclose()


def chat_of(request):
    """Return what the model's server is sent for a request."""
    return (
        Prompts(at_most)
        .render(request)
        .chat.model_copy(update={"options": answer_form(request), "temperature": 0.0})
    )


async def collect(model, request):
    async with aclosing(model.stream(request)) as events:
        return [event async for event in events]


async def slot(model):
    """Return what the server is at."""
    headers = {"Authorization": f"Bearer {model.child.key.get_secret_value()}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{await model.child.address()}/slots") as response,
    ):
        (only,) = await response.json()
        return only


async def test_it_really_writes_streamed_with_the_servers_own_count(model):
    asked = ModelRequest(question="How long does the review of a widget take?", passages=(REVIEW,))
    events = await collect(model, asked)
    assert isinstance(events[0], CallStarted)
    assert len([event for event in events if isinstance(event, TextDelta)]) > 3
    (usage,) = [event for event in events if isinstance(event, Usage)]
    assert usage.input_tokens > 100
    assert not usage.estimated
    assert isinstance(events[-1], Stop)
    assert "42" in "".join(event.text for event in events if isinstance(event, TextDelta))


ODD = passage(
    'He said: "\\"C:\\n\\" [1] costs 5 %" (e.g. at 3:15).\n\tNo. 7 z. B. \U0001f600 \u00e4\u00f6\u00fc \u4e2d\u6587'
)
PLAIN = passage("Bees dance without any.")


@pytest.mark.thorough
@pytest.mark.parametrize("sources", sampled([(ODD, PLAIN), (PLAIN,)], 2))
async def test_each_sentence_cites_a_source_that_was_given(model, sources):
    asked = ModelRequest(question='What does it say of "C:\\"?', passages=sources)
    async with aclosing(model._ask(asked, chat_of(asked))) as events:
        text = "".join([event.text async for event in events if isinstance(event, TextDelta)])
    assert re.fullmatch(r"(?:[^\[\]]+(?:\[\d+\]){1,2}\s?){1,3}|The sources do not contain the answer\.", text)
    assert set(re.findall(r"\[(\d+)\]", text)) <= {str(number) for number in range(1, len(sources) + 1)}


@pytest.mark.thorough
async def test_an_answer_that_is_cut_off_within_its_form_is_known_to_be(model):
    asked = ModelRequest(
        question="How long does the review of a widget take?", passages=(REVIEW,), max_output_tokens=3
    )
    last = (await collect(model, asked))[-1]
    assert isinstance(last, Stop)
    assert last == Stop(reason="length", response_id=last.response_id, response_model=last.response_model)


@pytest.mark.thorough
async def test_a_form_that_the_server_refuses_is_a_failed_call_and_the_next_one_works(model, monkeypatch):
    asked = ModelRequest(question="How long does the review of a widget take?", passages=(REVIEW,))
    with monkeypatch.context() as broken:
        broken.setattr("vital_shared.llm.local.grammar.answer_grammar", lambda *_: "root ::= nothing")
        with pytest.raises(ModelError):
            await collect(model, asked)
    assert isinstance((await collect(model, asked))[-1], Stop)


async def test_what_tools_have_found_is_answered_in_a_freeanswer_form(model):
    result = ToolResult(id="1", name="calculator", arguments={}, status="success", content="6 * 7 = 42")
    asked = ModelRequest(question="What is 6 * 7?", tool_results=(result,), passages=(REVIEW,))
    assert "grammar" not in answer_form(asked)
    assert "grammar" in answer_form(asked.model_copy(update={"tool_results": ()}))


async def test_cancelled_midway_the_child_stops_generating(model):
    """What it was asked for would be 3,000 tokens: it is at one of the first when it is left, and stops there."""
    async with aclosing(model.stream(FREE.model_copy(update={"max_output_tokens": 3_000}))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
        writing = await slot(model)
        assert writing["is_processing"]
        assert writing["next_token"][0]["n_decoded"] < 1_000  # the text comes while it writes
    async with asyncio.timeout(60):
        while (left := await slot(model))["is_processing"]:  # noqa: ASYNC110 - it answers only when asked
            await asyncio.sleep(0.01)
    assert left["next_token"][0]["n_decoded"] < 1_000


@pytest.mark.thorough
async def test_a_child_that_is_killed_midway_is_unavailable_and_comes_back(model):
    async def read():
        async with aclosing(model.stream(FREE)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and model.child.pid:
                    os.kill(model.child.pid, signal.SIGKILL)
                    await model.child._process.wait()

    with pytest.raises(ModelUnavailable):
        await read()
    short = FREE.model_copy(update={"max_output_tokens": 4})
    assert isinstance((await collect(model, short))[-1], Stop)


@pytest.mark.parametrize("passages", [(), (passage("Recalls have three classes.", score=-9.0),)])
async def test_behind_the_gate_it_is_not_even_started(model, passages):
    asked = ModelRequest(question="Who won the football match yesterday?", passages=passages)
    events = await collect(model, asked)
    assert [event.text for event in events if isinstance(event, TextDelta)] == [NO_ANSWER]
    assert events[-1] == Stop(reason="no_answer")
    assert model.child.pid is None


@pytest.mark.thorough
async def test_what_was_said_before_is_part_of_the_prompt(model):
    history = (
        Message(role="user", content="My name is Ann."),
        Message(role="assistant", content="Hello Ann."),
    )
    asked = ModelRequest(question="Go on.", grounded=False, history=history, max_output_tokens=2)
    (usage,) = [event for event in await collect(model, asked) if isinstance(event, Usage)]
    (alone,) = [
        event
        for event in await collect(model, asked.model_copy(update={"history": ()}))
        if isinstance(event, Usage)
    ]
    assert usage.input_tokens > alone.input_tokens


def test_only_what_is_installed_is_offered(tmp_path):
    assert installed_models(tmp_path, None, at_most) == ()
