"""The containers in which OpenAI runs code for a response.

Sources: OpenAI's guide "Code Interpreter" (``container``, ``memory_limit``) and its pricing page, which has a
price by memory and time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["container_gigabytes", "made_gigabytes"]

TOOL: Final = "code_interpreter"
CALL: Final = "code_interpreter_call"

USUAL_GIGABYTES: Final = 1
"""Memory of a container whose tool names none."""

MAX_GIGABYTES: Final = 64
"""Memory of the largest container that there is."""

_MEMORY_LIMIT: Final = re.compile(r"([1-9]\d?)g")


def container_gigabytes(tool: Mapping[str, Any]) -> int:
    """Return the memory of the container that is made for a tool; 0: none is made, or it names one."""
    if tool.get("type") != TOOL:
        return 0
    container = tool.get("container")
    if isinstance(container, str):
        return 0
    limit = container.get("memory_limit") if isinstance(container, Mapping) else None
    stated = _MEMORY_LIMIT.fullmatch(limit) if isinstance(limit, str) else None
    return min(int(stated[1]), MAX_GIGABYTES) if stated else USUAL_GIGABYTES


def made_gigabytes(tools: Iterable[Mapping[str, Any]], items: Iterable[Mapping[str, Any]]) -> int:
    """Return the memory of all containers that were made for a response.

    :param tools: those of the response; ``items``: all that it consists of.
    """
    own = [each for each in tools if each.get("type") == TOOL]
    running = {each.get("container") for each in own if isinstance(each.get("container"), str)}
    used = {str(each.get("container_id")) for each in items if each.get("type") == CALL}
    gigabytes = max(map(container_gigabytes, own), default=USUAL_GIGABYTES)
    return len(used - running) * gigabytes
