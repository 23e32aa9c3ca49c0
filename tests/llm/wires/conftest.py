"""Small things that all wires' tests use."""

from contextlib import aclosing

import pytest
from pydantic import SecretStr

from vital_shared.llm.base import ModelTurn, ReasoningDelta, TextDelta, ToolDefinition, Usage
from vital_shared.llm.wires.base import Chat, UserTurn
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider
from vital_shared.llm.wires.sse import EventReader

CHAT = Chat(system="Be brief.", turns=(UserTurn(text="How long?"),), max_output_tokens=50)
WEIGH = ToolDefinition(
    name="weigh",
    description="Weigh a thing.",
    parameters={"type": "object", "properties": {"thing": {"type": "string"}}, "required": ["thing"]},
)
MEASURE = ToolDefinition(
    name="measure", description="Measure.", parameters={"type": "object", "properties": {}}
)
KEY = SecretStr("sk-very-secret")
WITH_TOOLS = CHAT.model_copy(update={"tools": (WEIGH, MEASURE)})


async def collect(provider, chat=CHAT, model="test"):
    async with aclosing(provider.stream(model, chat)) as events:
        return [event async for event in events]


def decoded(wire, parts):
    """Return what a stream says, and its reader."""
    reader, decoder = EventReader(), wire.decoder(f"{wire.name}:test")
    events = [event for part in parts for data in reader.feed(part) for event in decoder.feed(data)]
    return [*events, *decoder.end()], decoder


def text(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reasoning(events):
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


def counted(events):
    """Return the counts that came, without what the provider sent of them."""
    return [event.model_copy(update={"raw": None}) for event in events if isinstance(event, Usage)]


def stopped(events):
    """Return the last event, without the id and the model that stand in the answer."""
    return events[-1].model_copy(update={"response_id": None, "response_model": None})


def turn(events):
    (found,) = (event for event in events if isinstance(event, ModelTurn))
    return found


@pytest.fixture
def waits():
    """The waits between attempts, in seconds; nobody really waits."""
    return []


@pytest.fixture
def no_sleep(waits):
    async def sleep(seconds):
        waits.append(seconds)

    return sleep


@pytest.fixture
async def connect(no_sleep):
    """Make providers that speak OpenAI's protocol."""
    made = []

    def provider(server, **given):
        given = {"key": KEY, "sleep": no_sleep, "jitter": lambda: 1.0} | given
        made.append(Provider("openai", OpenAIWire(), base_url=f"{server.url}/v1", **given))
        return made[-1]

    yield provider
    for each in made:
        await each.aclose()
