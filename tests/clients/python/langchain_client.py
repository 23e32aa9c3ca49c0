"""LangChain, with the words "openai", "responses", "anthropic" or "google"."""

import sys

from client import EMBEDDER, KEY, PICTURE, URL, cancelled, failures, model, report
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

MODEL = model("m")

which = sys.argv[1]


class Answer(BaseModel):
    """The number of days that a review takes."""

    days: int


@tool
def weigh(thing: str) -> str:
    """Weigh a thing."""
    return "7"


def chat(name=MODEL, key=KEY, **more):
    more = {"max_retries": 0, **more}
    if which == "anthropic":
        return ChatAnthropic(model=name, base_url=URL, api_key=key, **more)
    if which == "google":
        return ChatGoogleGenerativeAI(model=name, base_url=URL, api_key=key, **more)
    if which == "responses":
        more["use_responses_api"] = True
    return ChatOpenAI(model=name, base_url=f"{URL}/v1", api_key=key, **more)


def tools():
    bound = chat().bind_tools([weigh])
    messages = [HumanMessage("Hello?")]
    messages.append(bound.invoke(messages))
    (call,) = messages[-1].tool_calls
    messages.append(ToolMessage(weigh.invoke(call["args"]), tool_call_id=call["id"]))
    return [call["args"]["thing"], bound.invoke(messages).text]


def parallel():
    bound = chat(model("pair")).bind_tools([weigh])
    messages = [HumanMessage("Hello?")]
    messages.append(bound.invoke(messages))
    calls = messages[-1].tool_calls
    messages += [ToolMessage(weigh.invoke(call["args"]), tool_call_id=call["id"]) for call in calls]
    return [*(call["args"]["thing"] for call in calls), bound.invoke(messages).text]


def usage():
    more = {"stream_usage": True} if which in ("openai", "responses") else {}
    whole = None
    for chunk in chat(**more).stream("Hello?"):
        whole = chunk if whole is None else whole + chunk
    return [whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]]


def reasoning():
    more = {
        "responses": {"reasoning": {"summary": "auto"}},
        "anthropic": {"thinking": {"type": "adaptive"}},
        "google": {"include_thoughts": True},
    }
    answer = chat(model("thinks"), **more[which]).invoke("Hello?")
    thoughts = [block["reasoning"] for block in answer.content_blocks if block["type"] == "reasoning"]
    return ["".join(thoughts), answer.text]


def retries():
    return chat(model("flaky"), max_retries=2).invoke("Hello?").text


def images():
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "base64": PICTURE, "mime_type": "image/png"},
    ]
    return chat().invoke([HumanMessage(content=parts)]).text


def embeddings():
    if which == "google":
        google = GoogleGenerativeAIEmbeddings(model=EMBEDDER, base_url=URL, api_key=KEY)
        return google.embed_query("Hello")
    # Without that option it sends the numbers of OpenAI's tokens.
    embedder = OpenAIEmbeddings(
        model=EMBEDDER, base_url=f"{URL}/v1", api_key=KEY, check_embedding_ctx_length=False
    )
    return embedder.embed_query("Hello")


async def failing(key, name):
    chat(name, key, max_tokens=9000).invoke("Hello?")


def status(error):
    return error.__cause__.code if which == "google" else error.status_code


async def slowly():
    async for chunk in chat(model("slow")).astream("Hello?"):
        yield chunk.text


async def asynchronous():
    return (await chat().ainvoke("Hello?")).text


methods = ("json_schema", "function_calling")
report(
    {
        "plain": lambda: chat().invoke("Hello?").text,
        "stream": lambda: [chunk.text for chunk in chat().stream("Hello?") if chunk.text],
        "tools": tools,
        "schema": lambda: [
            chat().with_structured_output(Answer, method=each).invoke("Hello?").model_dump()
            for each in methods
        ],
        "images": images,
        **({} if which == "anthropic" else {"embeddings": embeddings}),
        "errors": lambda: failures(failing, status),
        "cancel": lambda: cancelled(slowly()),
        "async": asynchronous,
        "parallel": parallel,
        "usage": usage,
        **({} if which == "openai" else {"reasoning": reasoning}),
        "retries": retries,
    }
)
