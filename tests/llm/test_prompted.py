"""Models behind a provider: what goes out, and what becomes of what comes back."""

from contextlib import aclosing

import pytest

from vital_shared.llm import usage_warnings
from vital_shared.llm.base import (
    CallStarted,
    CitationRemoved,
    Cited,
    ModelRequest,
    ModelToolCall,
    ModelTurn,
    ReasoningDelta,
    Stop,
    TextDelta,
    TextWithdrawn,
    ToolDefinition,
    Usage,
)
from vital_shared.llm.prompted import PromptedModel
from vital_shared.llm.prompts.counting import at_most, estimate_tokens
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.models.call_parameters import CallParameters
from vital_shared.testing import passage

FACT = passage("The review takes 42 days.")
TOOL = ToolDefinition(name="weigh", description="Weigh.", parameters={})
END = Stop(reason="end", request_id="r1")


def words(text):
    return len(text.split())


class Provider:
    """Sends a script, and keeps the chats that it was sent."""

    def __init__(self, *script):
        self.script = script
        self.chats = []

    async def stream(self, chat):
        self.chats.append(chat)
        for event in self.script:
            yield event


async def ask(*script, request=None, **given):
    provider = Provider(*script)
    model = PromptedModel("openai:m", provider.stream, prompts=Prompts(words), **given)
    asked = ModelRequest(question="How long?", passages=(FACT,), **(request or {}))
    async with aclosing(model.stream(asked)) as events:
        return provider, [event async for event in events]


async def chat_of(**given):
    provider, _ = await ask(END, **given)
    return provider.chats[0]


def text(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_the_prompts_version_and_length_come_first():
    provider, events = await ask(TextDelta(text="42 days [1]."), END)
    counted = words(provider.chats[0].system) + words(provider.chats[0].turns[0].text)
    assert events[0] == CallStarted(prompt="answer@1", input_tokens=counted, parameters=CallParameters())


async def test_citations_are_resolved_and_those_of_nothing_taken_out():
    _, events = await ask(TextDelta(text="It takes 42 days [1"), TextDelta(text="], or so [9]."), END)
    (cited,) = (event.citation for event in events if isinstance(event, Cited))
    assert (cited.number, cited.passage_id) == (1, FACT.id)
    assert [event.marker for event in events if isinstance(event, CitationRemoved)] == ["[9]"]
    assert text(events) == "It takes 42 days [1], or so."
    assert events[-1] == END


async def test_where_the_provider_does_not_count_we_do_and_say_so():
    _, events = await ask(ReasoningDelta(text="Let me think. "), TextDelta(text="42 days."), END)
    (usage,) = (event for event in events if isinstance(event, Usage))
    assert (usage.estimated, usage.output_tokens) == (True, 5)
    assert usage.input_tokens == events[0].input_tokens


async def test_the_providers_own_count_stands():
    reported = Usage(input_tokens=7, output_tokens=3)
    _, events = await ask(TextDelta(text="42 days."), reported, END)
    assert [event for event in events if isinstance(event, Usage)] == [reported]


@pytest.mark.parametrize(
    ("given", "output"),
    [(Usage(), 2), (Usage(output_tokens=7, corrected=True), 7), (Usage(input_tokens=9), 2)],
)
async def test_a_count_of_zero_beside_written_text_is_estimated(given, output):
    _, events = await ask(TextDelta(text="42 days."), given, END)
    usage = [event for event in events if isinstance(event, Usage)][-1]
    assert usage.input_tokens == (given.input_tokens or events[0].input_tokens)
    assert (usage.output_tokens, usage.estimated, usage.corrected) == (output, True, given.corrected)


async def test_an_odd_count_is_warned_of_once_for_a_model(caplog):
    odd = Usage(input_tokens=7, output_tokens=3, corrected=True)
    usage_warnings._warned.clear()
    for _ in range(2):
        await ask(TextDelta(text="42 days."), odd, END)
    assert caplog.text.count("provider_usage_corrected") == 1


@pytest.mark.parametrize("said", ["The sources do not say how long it takes.", "I cannot find an answer."])
async def test_who_only_says_that_it_does_not_know_has_abstained(said):
    _, events = await ask(TextDelta(text=said), END)
    assert events[-1] == Stop(reason="no_answer", request_id="r1")
    _, events = await ask(TextDelta(text=f"{said} But it is 42 days [1]."), END)
    assert events[-1] == END


async def test_what_is_said_beside_a_suggestion_of_tools_is_for_nobody():
    call = ModelToolCall(id="c", name="weigh", arguments={})
    turn = ModelTurn(text="Let me weigh it [1].", calls=(call,))
    provider, events = await ask(
        TextDelta(text="Let me weigh it [1]."),
        call,
        turn,
        Stop(reason="tool_calls"),
        request={"task": "tools", "tools": (TOOL,)},
    )
    assert text(events) == ""
    assert [event for event in events if isinstance(event, ModelToolCall)] == [call]
    assert provider.chats[0].tools == (TOOL,)


async def test_what_the_configuration_sets_holds_where_the_request_sets_nothing():
    given = {"max_output_tokens": 77, "temperature": 0.5, "options": {"seed": 1}}
    chat = await chat_of(**given)
    assert (chat.max_output_tokens, chat.temperature, chat.options) == (77, 0.5, {"seed": 1})
    chat = await chat_of(request={"max_output_tokens": 9, "temperature": 0.0}, **given)
    assert (chat.max_output_tokens, chat.temperature) == (9, 0.0)


async def test_citations_of_withdrawn_text_do_not_count():
    thought = "Source [1] says so. "
    _, events = await ask(TextDelta(text=thought), TextWithdrawn(), TextDelta(text="42 days [1]."), END)
    last = events[events.index(TextWithdrawn()) :]
    assert [type(event) for event in last if isinstance(event, Cited)] == [Cited]
    assert text(last) == "42 days [1]."


async def test_a_model_that_knows_no_tools_is_offered_none():
    assert (await chat_of(request={"tools": (TOOL,)}, calls_tools=False)).tools == ()


async def test_a_prompt_is_estimated_realistically_and_fitted_by_the_bound():
    model = PromptedModel(
        "openai:m", Provider(END).stream, prompts=Prompts(estimate_tokens, 6_000, bound=at_most)
    )
    long = passage("The review takes 42 days. " * 300)
    asked = ModelRequest(question="How long?", passages=(long,))
    async with aclosing(model.stream(asked)) as events:
        started = await anext(events)
    assert 500 < started.input_tokens <= 6_000 / 4
