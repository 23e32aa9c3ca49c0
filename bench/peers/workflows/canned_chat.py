"""A canned model of LangChain, so that the workflows run without a key."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel


class CannedChat:
    """A chat model of LangChain that writes these texts, and these fields where a class is wanted."""

    def __init__(self, *texts: str, fields: dict[str, Any] | None = None) -> None:
        self._texts = list(texts)
        self._fields = fields or {}

    async def ainvoke(self, _: Any) -> AIMessage:
        return AIMessage(self._texts.pop(0) if len(self._texts) > 1 else self._texts[0])

    def with_structured_output(self, schema: type[BaseModel]) -> Runnable[Any, Any]:
        return RunnableLambda(lambda _: schema.model_validate(self._fields))
