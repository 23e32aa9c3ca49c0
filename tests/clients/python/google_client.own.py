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
    }
)
