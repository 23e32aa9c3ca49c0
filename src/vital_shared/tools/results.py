"""The results of a run's tools, bounded together: each is short, and many may be too much for a prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vital_shared.models.tool import ToolResult

__all__ = ["MAX_CHARACTERS_TOGETHER", "ResultBudget"]

MAX_CHARACTERS_TOGETHER: Final = 400_000
"""Characters of all results of a run, passages included."""

CUT: Final = "\n… (cut: the results of all tools are too long together)"


class ResultBudget:
    """The remaining budget for the results of a run's tools.

    :param given: results that count, and stay as they are.
    """

    def __init__(self, given: Iterable[ToolResult] = ()) -> None:
        self._left = MAX_CHARACTERS_TOGETHER - sum(map(_characters, given))

    def take(self, result: ToolResult) -> ToolResult:
        """Return a result, shortened to what is left, and saying so."""
        if _characters(result) <= self._left:
            self._left -= _characters(result)
            return result
        left = max(0, self._left)
        content = result.content if len(result.content) <= left else result.content[:left] + CUT
        left -= min(left, len(result.content))
        passages = []
        for passage in result.passages:
            if len(passage.text) > left:
                break
            passages.append(passage)
            left -= len(passage.text)
        self._left = left
        if len(passages) < len(result.passages) and not content.endswith(CUT):
            content += CUT
        return result.model_copy(update={"content": content, "passages": tuple(passages)})


def _characters(result: ToolResult) -> int:
    return len(result.content) + sum(len(passage.text) for passage in result.passages)
