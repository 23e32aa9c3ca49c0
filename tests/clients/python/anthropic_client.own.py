"""Anthropic's client for Python."""

from anthropic import Anthropic, AsyncAnthropic, beta_tool
from client import KEY, PICTURE, URL, cancelled, failures, model, report
from pydantic import BaseModel

ASKED = {"model": model("m"), "max_tokens": 99, "messages": [{"role": "user", "content": "Hello?"}]}


class Answer(BaseModel):
    days: int


def given(key=KEY):
    return {"base_url": URL, "api_key": key, "max_retries": 0}


client, later = Anthropic(**given()), AsyncAnthropic(**given())


def stream():
    with client.messages.stream(**ASKED) as stream:
        return list(stream.text_stream)


def tools():
    things = []

    @beta_tool
    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    last = client.beta.messages.tool_runner(**ASKED, tools=[weigh]).until_done()
    return [*things, last.content[0].text]


def images():
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    asked = ASKED | {"messages": [{"role": "user", "content": parts}]}
    return client.messages.create(**asked).content[0].text


def parallel():
    things = []

    @beta_tool
    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    asked = ASKED | {"model": model("pair")}
    last = client.beta.messages.tool_runner(**asked, tools=[weigh]).until_done()
    return [*things, last.content[0].text]


def usage():
    with client.messages.stream(**ASKED) as stream:
        counted = stream.get_final_message().usage
    read = (counted.input_tokens, counted.cache_creation_input_tokens, counted.cache_read_input_tokens)
    return [sum(each or 0 for each in read), counted.output_tokens]


def reasoning():
    asked = ASKED | {"model": model("thinks"), "thinking": {"type": "adaptive"}}
    thought, text = client.messages.create(**asked).content
    return [thought.thinking, text.text]


def retries():
    patient = client.with_options(max_retries=2)
    return patient.messages.create(**ASKED | {"model": model("flaky")}).content[0].text


async def failing(key, name):
    Anthropic(**given(key)).messages.create(**ASKED | {"model": name, "max_tokens": 9000})


async def slowly():
    async with later.messages.stream(**ASKED | {"model": model("slow")}) as stream:
        async for piece in stream.text_stream:
            yield piece


async def asynchronous():
    return (await later.messages.create(**ASKED)).content[0].text


report(
    {
        "plain": lambda: client.messages.create(**ASKED).content[0].text,
        "stream": stream,
        "tools": tools,
        "schema": client.messages.parse(**ASKED, output_format=Answer).parsed_output.model_dump,
        "images": images,
        "errors": lambda: failures(failing),
        "cancel": lambda: cancelled(slowly()),
        "async": asynchronous,
        "parallel": parallel,
        "usage": usage,
        "reasoning": reasoning,
        "retries": retries,
    }
)
