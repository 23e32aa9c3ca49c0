"""LiteLLM's library, with the words "openai", "anthropic" or "gemini"."""

import json
import sys

import litellm
from client import EMBEDDER, KEY, PICTURE, TOOL, URL, cancelled, failures, model, report
from pydantic import BaseModel

MODEL = model("m")

which = sys.argv[1]
HELLO = [{"role": "user", "content": "Hello?"}]


class Answer(BaseModel):
    days: int


def asked(name=MODEL, key=KEY, messages=HELLO, **more):
    base = URL if which == "anthropic" else f"{URL}/v1"
    return {
        "model": f"{which}/{name}",
        "api_base": base,
        "api_key": key,
        "messages": messages,
        "num_retries": 0,
        "max_retries": 0,
        **more,
    }


def stream():
    pieces = [chunk.choices[0].delta.content for chunk in litellm.completion(**asked(stream=True))]
    return [piece for piece in pieces if piece]


def tools():
    function = {"name": "weigh", "description": "Weigh a thing.", "parameters": TOOL}
    offered = [{"type": "function", "function": function}]
    first = litellm.completion(**asked(tools=offered)).choices[0].message
    (call,) = first.tool_calls
    output = {"role": "tool", "tool_call_id": call.id, "content": "7"}
    last = litellm.completion(**asked(messages=[*HELLO, first, output], tools=offered)).choices[0].message
    return [json.loads(call.function.arguments)["thing"], last.content]


def schema():
    answer = litellm.completion(**asked(response_format=Answer))
    return json.loads(answer.choices[0].message.content)


def images():
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    ]
    answer = litellm.completion(**asked(messages=[{"role": "user", "content": parts}]))
    return answer.choices[0].message.content


def embeddings():
    answer = litellm.embedding(f"openai/{EMBEDDER}", ["Hello"], api_base=f"{URL}/v1", api_key=KEY)
    return answer.data[0]["embedding"]


async def failing(key, name):
    litellm.completion(**asked(name, key, max_tokens=9000))


async def slowly():
    async for chunk in await litellm.acompletion(**asked(model("slow"), stream=True)):
        yield chunk.choices[0].delta.content


async def asynchronous():
    return (await litellm.acompletion(**asked())).choices[0].message.content


litellm.suppress_debug_info = True
if which == "gemini":  # it sends a schema to the models that it knows to take one
    litellm.register_model(
        {f"gemini/{MODEL}": {"litellm_provider": "gemini", "mode": "chat", "supports_response_schema": True}}
    )
report(
    {
        "plain": lambda: litellm.completion(**asked()).choices[0].message.content,
        "stream": stream,
        "tools": tools,
        "schema": schema,
        "images": images,
        **({} if which == "anthropic" else {"embeddings": embeddings}),
        "errors": lambda: failures(failing),
        "cancel": lambda: cancelled(slowly()),
        "async": asynchronous,
    }
)
