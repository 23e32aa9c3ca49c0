"""pydantic-ai, with the words "chat", "responses", "anthropic" or "google"."""

import asyncio
import base64
import sys

from client import EMBEDDER, KEY, PICTURE, URL, cancelled, failures, model, report
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, Embedder, NativeOutput, ToolOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

MODEL = model("m")

which = sys.argv[1]


class Answer(BaseModel):
    days: int


def agent(name=MODEL, key=KEY, **more):
    if which == "anthropic":
        from anthropic import AsyncAnthropic

        client = AsyncAnthropic(base_url=URL, api_key=key, max_retries=0)
        return Agent(AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client)), **more)
    if which == "google":
        return Agent(GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=URL)), **more)
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0)
    kind = OpenAIResponsesModel if which == "responses" else OpenAIChatModel
    return Agent(kind(name, provider=OpenAIProvider(openai_client=client)), **more)


async def pieces(**more):
    async with agent(**more).run_stream("Hello?") as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            yield piece


async def stream():
    return [piece async for piece in pieces()]


async def tools():
    things = []
    asked = agent()

    @asked.tool_plain
    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    text = (await asked.run("Hello?")).output
    return [*things, text]


async def schema():
    kinds = (NativeOutput(Answer), ToolOutput(Answer))
    return [(await agent(output_type=kind).run("Hello?")).output.model_dump() for kind in kinds]


async def images():
    picture = BinaryContent(base64.b64decode(PICTURE), media_type="image/png")
    return (await agent().run(["What is it?", picture])).output


async def embeddings():
    provider = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
    result = await Embedder(OpenAIEmbeddingModel(EMBEDDER, provider=provider)).embed_query("Hello")
    return list(result.embeddings[0])


async def failing(key, name):
    await agent(name, key).run("Hello?", model_settings={"max_tokens": 9000})


async def asynchronous():
    return (await agent().run("Hello?")).output


report(
    {
        "plain": lambda: asyncio.to_thread(lambda: agent().run_sync("Hello?").output),
        "stream": stream,
        "tools": tools,
        "schema": schema,
        "images": images,
        **({} if which in ("anthropic", "google") else {"embeddings": embeddings}),
        "errors": lambda: failures(failing),
        "cancel": lambda: cancelled(pieces(name=model("slow"))),
        "async": asynchronous,
    }
)
