"""OpenAI's Agents SDK: over the Responses API, or with the word "chat" over chat completions."""

import asyncio
import sys

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from client import KEY, PICTURE, URL, cancelled, failures, model, report
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from pydantic import BaseModel

MODEL = model("m")

set_tracing_disabled(disabled=True)


class Answer(BaseModel):
    days: int


def agent(name=MODEL, key=KEY, retries=0, **more):
    kind = OpenAIChatCompletionsModel if "chat" in sys.argv else OpenAIResponsesModel
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=retries)
    return Agent(
        name="assistant", instructions="Be brief.", model=kind(model=name, openai_client=client), **more
    )


async def answer(asked="Hello?", **more):
    return (await Runner.run(agent(**more), asked)).final_output


async def pieces(**more):
    async for event in Runner.run_streamed(agent(**more), "Hello?").stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield event.data.delta


async def stream():
    return [piece async for piece in pieces()]


async def tools():
    things = []

    @function_tool
    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    return [things, await answer(tools=[weigh])]


async def parallel():
    things = []

    @function_tool
    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    text = await answer(name=model("pair"), tools=[weigh])
    return [*sorted(things), text]


async def usage():
    result = Runner.run_streamed(agent(model_settings=ModelSettings(include_usage=True)), "Hello?")
    async for _ in result.stream_events():
        pass
    counted = result.context_wrapper.usage
    return [counted.input_tokens, counted.output_tokens]


async def reasoning():
    settings = ModelSettings(reasoning=Reasoning(summary="auto"))
    if "chat" in sys.argv:
        settings = ModelSettings()
    result = await Runner.run(agent(name=model("thinks"), model_settings=settings), "Hello?")
    (thought,) = (item.raw_item for item in result.new_items if item.type == "reasoning_item")
    return [thought.summary[0].text, result.final_output]


async def retries():
    return await answer(name=model("flaky"), retries=2)


async def schema():
    return (await answer(output_type=Answer)).model_dump()


async def images():
    parts = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"},
    ]
    return await answer([{"role": "user", "content": parts}])


async def failing(key, name):
    await answer(key=key, name=name, model_settings=ModelSettings(max_tokens=9000))


report(
    {
        "plain": lambda: asyncio.to_thread(lambda: Runner.run_sync(agent(), "Hello?").final_output),
        "stream": stream,
        "tools": tools,
        "schema": schema,
        "images": images,
        "errors": lambda: failures(failing),
        "cancel": lambda: cancelled(pieces(name=model("slow"))),
        "async": answer,
        "parallel": parallel,
        "usage": usage,
        "reasoning": reasoning,
        "retries": retries,
    }
)
