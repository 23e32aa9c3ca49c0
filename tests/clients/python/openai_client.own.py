"""OpenAI's client for Python: chat completions, or with the word "responses" the Responses API."""

import json
import sys
from typing import ClassVar

from client import EMBEDDER, KEY, PICTURE, TOOL, URL, cancelled, failures, model, report
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

HELLO = [{"role": "user", "content": "Hello?"}]
ADDRESS = f"data:image/png;base64,{PICTURE}"


class Answer(BaseModel):
    days: int


def given(key=KEY):
    return {"base_url": f"{URL}/v1", "api_key": key, "max_retries": 0}


client, later = OpenAI(**given()), AsyncOpenAI(**given())


def embeddings():
    return list(client.embeddings.create(model=EMBEDDER, input="Hello").data[0].embedding)


class Chat:
    asked: ClassVar = {"model": model("m"), "messages": HELLO}

    def plain(self):
        return client.chat.completions.create(**self.asked).choices[0].message.content

    def stream(self):
        with client.chat.completions.stream(**self.asked) as stream:
            return [event.delta for event in stream if event.type == "content.delta"]

    def tools(self):
        function = {"name": "weigh", "description": "Weigh a thing.", "parameters": TOOL, "strict": True}
        asked = self.asked | {"tools": [{"type": "function", "function": function}]}
        first = client.chat.completions.create(**asked).choices[0].message
        (call,) = first.tool_calls
        asked["messages"] = [*HELLO, first, {"role": "tool", "tool_call_id": call.id, "content": "7"}]
        last = client.chat.completions.create(**asked).choices[0].message.content
        return [json.loads(call.function.arguments)["thing"], last]

    def schema(self):
        answer = client.chat.completions.parse(**self.asked, response_format=Answer)
        return answer.choices[0].message.parsed.model_dump()

    def images(self):
        parts = [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": ADDRESS}},
        ]
        asked = self.asked | {"messages": [{"role": "user", "content": parts}]}
        return client.chat.completions.create(**asked).choices[0].message.content

    async def failing(self, key, name):
        OpenAI(**given(key)).chat.completions.create(model=name, messages=HELLO, max_tokens=9000)

    def parallel(self):
        function = {"name": "weigh", "description": "Weigh a thing.", "parameters": TOOL, "strict": True}
        asked = self.asked | {"model": model("pair"), "tools": [{"type": "function", "function": function}]}
        first = client.chat.completions.create(**asked).choices[0].message
        results = [{"role": "tool", "tool_call_id": each.id, "content": "7"} for each in first.tool_calls]
        asked["messages"] = [*HELLO, first, *results]
        things = [json.loads(each.function.arguments)["thing"] for each in first.tool_calls]
        return [*things, client.chat.completions.create(**asked).choices[0].message.content]

    def usage(self):
        with client.chat.completions.stream(**self.asked, stream_options={"include_usage": True}) as stream:
            counted = stream.until_done().get_final_completion().usage
        return [counted.prompt_tokens, counted.completion_tokens]

    def reasoning(self):
        message = client.chat.completions.create(**self.asked | {"model": model("thinks")}).choices[0].message
        return [message.reasoning_content, message.content]

    def retries(self):
        patient = client.with_options(max_retries=2)
        answer = patient.chat.completions.create(**self.asked | {"model": model("flaky")})
        return answer.choices[0].message.content

    async def slowly(self):
        asked = self.asked | {"model": model("slow")}
        async for chunk in await later.chat.completions.create(**asked, stream=True):
            yield chunk.choices[0].delta.content

    async def later(self):
        return (await later.chat.completions.create(**self.asked)).choices[0].message.content


class Responses:
    asked: ClassVar = {"model": model("m"), "input": HELLO}

    def plain(self):
        return client.responses.create(**self.asked).output_text

    def stream(self):
        with client.responses.stream(**self.asked) as stream:
            return [event.delta for event in stream if event.type == "response.output_text.delta"]

    def tools(self):
        tools = [{"type": "function", "name": "weigh", "parameters": TOOL, "strict": True}]
        first = client.responses.create(**self.asked, tools=tools).output
        (call,) = (item for item in first if item.type == "function_call")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}
        asked = self.asked | {"input": [*HELLO, *first, output], "tools": tools}
        return [json.loads(call.arguments)["thing"], client.responses.create(**asked).output_text]

    def schema(self):
        return client.responses.parse(**self.asked, text_format=Answer).output_parsed.model_dump()

    def images(self):
        parts = [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": ADDRESS, "detail": "auto"},
        ]
        asked = self.asked | {"input": [{"role": "user", "content": parts}]}
        return client.responses.create(**asked).output_text

    async def failing(self, key, name):
        OpenAI(**given(key)).responses.create(model=name, input=HELLO, max_output_tokens=9000)

    def parallel(self):
        tools = [{"type": "function", "name": "weigh", "parameters": TOOL, "strict": True}]
        asked = self.asked | {"model": model("pair"), "tools": tools}
        first = client.responses.create(**asked).output
        calls = [item for item in first if item.type == "function_call"]
        results = [{"type": "function_call_output", "call_id": each.call_id, "output": "7"} for each in calls]
        asked["input"] = [*HELLO, *first, *results]
        things = [json.loads(each.arguments)["thing"] for each in calls]
        return [*things, client.responses.create(**asked).output_text]

    def usage(self):
        with client.responses.stream(**self.asked) as stream:
            counted = stream.until_done().get_final_response().usage
        return [counted.input_tokens, counted.output_tokens]

    def reasoning(self):
        asked = self.asked | {"model": model("thinks"), "reasoning": {"summary": "auto"}}
        answer = client.responses.create(**asked)
        (thought,) = (item for item in answer.output if item.type == "reasoning")
        return [thought.summary[0].text, answer.output_text]

    def retries(self):
        patient = client.with_options(max_retries=2)
        return patient.responses.create(**self.asked | {"model": model("flaky")}).output_text

    async def slowly(self):
        asked = self.asked | {"model": model("slow")}
        async for event in await later.responses.create(**asked, stream=True):
            yield event.type == "response.output_text.delta"

    async def later(self):
        return (await later.responses.create(**self.asked)).output_text


api = Responses() if "responses" in sys.argv else Chat()
report(
    {
        "plain": api.plain,
        "stream": api.stream,
        "tools": api.tools,
        "schema": api.schema,
        "images": api.images,
        "embeddings": embeddings,
        "errors": lambda: failures(api.failing),
        "cancel": lambda: cancelled(api.slowly()),
        "async": api.later,
        "parallel": api.parallel,
        "usage": api.usage,
        "reasoning": api.reasoning,
        "retries": api.retries,
    }
)
