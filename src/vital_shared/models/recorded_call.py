"""A call of a language model with its words, for runs whose prompts are stored."""

from __future__ import annotations

from collections.abc import Iterable

from vital_shared.models.base import Frozen
from vital_shared.models.charge import Charge
from vital_shared.models.model_call import ModelCall

__all__ = ["PromptMessage", "RecordedCall", "RequestedTool", "count_unstored"]


class PromptMessage(Frozen):
    """A message of a prompt."""

    role: str
    content: str
    """As it was sent; what is no text, such as a picture, stands here as the beginning of its JSON."""


class RequestedTool(Frozen):
    """A call of a tool that the model has asked for."""

    name: str
    arguments: str
    """JSON."""


class RecordedCall(ModelCall):
    """A call of a model, its prompt as it was sent, and its answer."""

    item: str
    """The name of its charge within the run, such as ``llm/3``."""

    messages: tuple[PromptMessage, ...]
    """The prompt, with placeholders where a guardrail has masked it; empty: nothing was sent, or noted."""

    answer: str
    """The text that was passed on, masked like the prompt."""

    requested_tools: tuple[RequestedTool, ...] = ()

    is_cut: bool = False
    """Whether something was left out, since it is longer than what is stored."""

    @property
    def characters(self) -> int:
        """The length of its texts."""
        prompt = sum(len(each.content) for each in self.messages)
        return prompt + len(self.answer) + sum(len(each.arguments) for each in self.requested_tools)

    def without_texts(self) -> RecordedCall:
        """Return it without its words."""
        return self.model_copy(update={"messages": (), "answer": "", "requested_tools": (), "is_cut": True})


def count_unstored(charges: Iterable[Charge], calls: Iterable[RecordedCall]) -> int:
    """Return the number of a run's calls of models that are charged, but not stored with their words."""
    charged = {each.item for each in charges if each.cost_type == "llm"}
    return len(charged - {each.item for each in calls})
