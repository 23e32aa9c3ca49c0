"""Models that answer only where their calls are charged and counted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from vital_shared.errors import ConfigurationError
from vital_shared.llm.base import Model, ModelEvent, ModelRequest

__all__ = ["GuardedModel", "accounted"]

_is_accounted: Final[ContextVar[bool]] = ContextVar("is_accounted", default=False)


@contextmanager
def accounted() -> Iterator[None]:
    """Let models answer: the calls that begin within are charged and counted by the code that makes them."""
    token = _is_accounted.set(True)
    try:
        yield
    finally:
        _is_accounted.reset(token)


class GuardedModel:
    """A model of the engine's, which refuses calls that would go past budgets, the ledger and metrics.

    :param model: the model itself.
    :param notes_prompt: whether nothing behind it notes the prompt of a call that is stored.
    """

    def __init__(self, model: Model, *, notes_prompt: bool = False) -> None:
        self.name = model.name
        self.notes_prompt = notes_prompt
        self.calls_tools: bool = getattr(model, "calls_tools", False)  # a user's own may not say
        self.model = model

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, for a chain.

        :raises ConfigurationError: when the call would be charged to nobody.
        :raises ModelError: as the model does.
        """
        if not _is_accounted.get():
            raise ConfigurationError(
                f'A call of the model "{self.name}" past the run would not be charged, counted or held to a '
                "budget: ask it in a node, with await self.llm(prompt, model=…)."
            )
        if self.notes_prompt and request.content is not None:
            request.content.prompt = request
        return self.model.stream(request)
