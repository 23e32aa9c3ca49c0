"""Google's client for Python, `google-genai`."""

import base64

from client import EMBEDDER, KEY, PICTURE, URL, cancelled, failures, model, report
from google import genai
from google.genai import types
from pydantic import BaseModel

ASKED = {"model": model("m"), "contents": "Hello?"}


class Answer(BaseModel):
    days: int


def opened(key=KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))


client = opened()


def tools():
    things = []

    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    text = client.models.generate_content(**ASKED, config={"tools": [weigh]}).text
    return [*things, text]


def parallel():
    things = []

    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    text = client.models.generate_content(**ASKED | {"model": model("pair")}, config={"tools": [weigh]}).text
    return [*things, text]


def usage():
    *_, last = client.models.generate_content_stream(**ASKED)
    counted = last.usage_metadata
    return [
        counted.prompt_token_count,
        counted.candidates_token_count + (counted.thoughts_token_count or 0),
    ]


def reasoning():
    config = {"thinking_config": {"include_thoughts": True}}
    answer = client.models.generate_content(**ASKED | {"model": model("thinks")}, config=config)
    thoughts = [part.text for part in answer.candidates[0].content.parts if part.thought]
    return ["".join(thoughts), answer.text]


def retries():
    options = types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    with genai.Client(
        api_key=KEY, http_options=types.HttpOptions(base_url=URL, retry_options=options)
    ) as patient:
        return patient.models.generate_content(**ASKED | {"model": model("flaky")}).text


def schema():
    config = {"response_mime_type": "application/json", "response_schema": Answer}
    return client.models.generate_content(**ASKED, config=config).parsed.model_dump()


def images():
    picture = types.Part.from_bytes(data=base64.b64decode(PICTURE), mime_type="image/png")
    return client.models.generate_content(model=model("m"), contents=[picture, "What is it?"]).text


async def failing(key, name):
    config = {"max_output_tokens": 9000}
    with opened(key) as failing_client:
        failing_client.models.generate_content(model=name, contents="Hello?", config=config)


async def slowly():
    asked = ASKED | {"model": model("slow")}
    async for piece in await client.aio.models.generate_content_stream(**asked):
        yield piece.text


async def asynchronous():
    return (await client.aio.models.generate_content(**ASKED)).text


report(
    {
        "plain": lambda: client.models.generate_content(**ASKED).text,
        "stream": lambda: [each.text for each in client.models.generate_content_stream(**ASKED) if each.text],
        "tools": tools,
        "schema": schema,
        "images": images,
        "embeddings": lambda: client.models.embed_content(model=EMBEDDER, contents="?").embeddings[0].values,
        "errors": lambda: failures(failing, lambda error: error.code),
        "cancel": lambda: cancelled(slowly()),
        "async": asynchronous,
        "parallel": parallel,
        "usage": usage,
        "reasoning": reasoning,
        "retries": retries,
    }
)
