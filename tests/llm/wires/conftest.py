"""Small things that all wires' tests use."""

from contextlib import aclosing

import pytest

from vital_shared.llm.base import ModelTurn, ReasoningDelta, TextDelta, ToolDefinition
from vital_shared.llm.wires.base import Chat, UserTurn

CHAT = Chat(system="Be brief.", turns=(UserTurn(text="How long?"),), max_output_tokens=50)
WEIGH = ToolDefinition(
    name="weigh",
    description="Weigh a thing.",
    parameters={"type": "object", "properties": {"thing": {"type": "string"}}, "required": ["thing"]},
)
MEASURE = ToolDefinition(
    name="measure", description="Measure.", parameters={"type": "object", "properties": {}}
)
WITH_TOOLS = CHAT.model_copy(update={"tools": (WEIGH, MEASURE)})


async def collect(provider, chat=CHAT, model="test"):
    async with aclosing(provider.stream(model, chat)) as events:
        return [event async for event in events]


def text(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reasoning(events):
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


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
