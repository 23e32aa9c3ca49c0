"""LlamaIndex."""

import base64

from client import EMBEDDER, KEY, PICTURE, URL, cancelled, failures, model, report
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from pydantic import BaseModel

MODEL = model("m")

HELLO = [ChatMessage(role="user", content="Hello?")]


class Answer(BaseModel):
    days: int


class Vital(OpenAI):
    """OpenAI's models by other names: LlamaIndex wants to know how much each reads."""

    @property
    def metadata(self):
        from llama_index.core.base.llms.types import LLMMetadata

        return LLMMetadata(
            context_window=128_000, is_chat_model=True, is_function_calling_model=True, model_name=self.model
        )


def chat(name=MODEL, key=KEY, **more):
    return Vital(model=name, api_base=f"{URL}/v1", api_key=key, max_retries=0, **more)


def tools():
    things = []

    def weigh(thing: str) -> str:
        """Weigh a thing."""
        things.append(thing)
        return "7"

    return [things, str(chat().predict_and_call([FunctionTool.from_defaults(weigh)], user_msg="Hello?"))]


def images():
    picture = ImageBlock(image=base64.b64decode(PICTURE), image_mimetype="image/png")
    message = ChatMessage(role="user", blocks=[TextBlock(text="What is it?"), picture])
    return chat().chat([message]).message.content


def embeddings():
    embedder = OpenAIEmbedding(model_name=EMBEDDER, api_base=f"{URL}/v1", api_key=KEY)
    return embedder.get_text_embedding("Hello")


async def failing(key, name):
    chat(name, key, max_tokens=9000).chat(HELLO)


async def slowly():
    async for piece in await chat(model("slow")).astream_chat(HELLO):
        yield piece.delta


async def asynchronous():
    return (await chat().achat(HELLO)).message.content


report(
    {
        "plain": lambda: chat().chat(HELLO).message.content,
        "stream": lambda: [piece.delta for piece in chat().stream_chat(HELLO) if piece.delta],
        "tools": tools,
        "schema": chat().as_structured_llm(Answer).chat(HELLO).raw.model_dump,
        "images": images,
        "embeddings": embeddings,
        "errors": lambda: failures(failing),
        "cancel": lambda: cancelled(slowly()),
        "async": asynchronous,
    }
)
