"""The prompts' texts: files beside this module, whose names hold their versions.

A text that has been used is never changed, since each run records which one it had: a change is a new file
with the next number.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["ANSWER", "CHAT", "OWN", "TOOLS", "system_text"]

ANSWER: Final = "answer@1"
"""The prompt for an answer from sources, with citations."""

CHAT: Final = "chat@1"
"""The prompt for an answer from the model's knowledge, where the user wants no documents."""

TOOLS: Final = "tools@1"
"""The prompt for the choice of tools."""


OWN: Final = "own"
"""The name, in the record of a call, of a prompt that a workflow's own node has written."""


def system_text(prompt: str, instructions: str) -> str:
    """Return a prompt's system text for an agent.

    :param prompt: name and version, such as ``answer@1``.
    """
    return _text(prompt).replace("{{instructions}}", instructions.strip()).strip()


@cache
def _text(prompt: str) -> str:
    name, _, version = prompt.partition("@")
    return files(__package__).joinpath(f"{name}.v{version}.md").read_text(encoding="utf-8")
