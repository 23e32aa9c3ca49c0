"""Calls of tools go through the guardrails: their arguments, and what they return."""

from __future__ import annotations

import orjson

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import Found

__all__ = ["ToolGuard"]


class ToolGuard:
    """The guardrails of the tools."""

    def __init__(self, guardrails: Guardrails) -> None:
        self._guardrails = guardrails

    async def before(self, call: ToolCall) -> None:
        """Check a call; its arguments are not changed, since they were approved as they are.

        :raises GuardRefused: when it may not be made.
        """
        arguments = orjson.dumps(call.arguments, default=str).decode()
        await self._guardrails.before(self._guardrails.call("tool", call.name), (arguments,))

    async def after(self, call: ToolCall, found: Found) -> Found:
        """Return what may be passed on of a result.

        :raises GuardRefused: when nothing may be.
        """
        texts = (found.text, *(passage.text for passage in found.passages))
        allowed = await self._guardrails.after(self._guardrails.call("tool", call.name), texts)
        if allowed == texts:
            return found
        passages = tuple(
            passage.model_copy(update={"text": text})
            for passage, text in zip(found.passages, allowed[1:], strict=True)
        )
        return Found(text=allowed[0], passages=passages)
