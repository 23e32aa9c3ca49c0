"""Show the examples of docstrings as code: the parser of their fields takes ``>>>`` for quotes of quotes."""

from __future__ import annotations

import re
from typing import Any, Final

from griffe import Extension, Object

EXAMPLE: Final = re.compile(r"^>>> .*\n(?:.+\n?)*", re.MULTILINE)


class FencedExamples(Extension):
    """Put each example of a docstring between fences."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of an object, where it has one."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(example: re.Match[str]) -> str:
    return f"```pycon\n{example[0].rstrip()}\n```\n"
