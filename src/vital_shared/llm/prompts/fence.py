"""Keep what was found apart from what is asked: foreign text cannot end its element or pose as another.

The elements' names hold a digest of all that they fence in, so that no document can know it beforehand; a
model's rules say that whatever is inside is material. Citations are checked afterwards, and tool calls need
approval or the agent's list: the fence makes obedience less likely, those make it harmless.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import count

__all__ = ["clean", "nonce_for"]

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Control characters, marks of direction and tags: instructions that only a model sees."""

_NUMBERED = re.compile(r"\[(\d{1,3})\]")
_ROLE = re.compile(r"^([^\S\n]*+)(system|assistant|user|human|question)(\s*+):", re.IGNORECASE | re.MULTILINE)
_SPECIAL = re.compile(r"<\|([^|<>\n]{0,40})\|>|\[(/?)INST\]", re.IGNORECASE)


def nonce_for(texts: Iterable[str]) -> str:
    """Return eight letters and digits that stand in none of the texts; the same texts give the same ones."""
    whole = "\x1f".join(texts)
    for attempt in count():
        nonce = hashlib.sha256(f"{attempt}\x1f{whole}".encode("utf-8", "replace")).hexdigest()[:8]
        if nonce not in whole:
            return nonce
    raise AssertionError  # count() has no end


def clean(text: str) -> str:
    """Take from a foreign text what would be read as ours.

    Footnotes [3] become (3), since [3] is how a source is cited; a line that begins like another side's
    words, and the marks that chat formats are made of, lose their form; what cannot be seen goes.
    """
    text = _INVISIBLE.sub("", text)
    text = _NUMBERED.sub(r"(\1)", text)
    text = _SPECIAL.sub(lambda match: f"({match.group(1) or match.group(2) + 'INST'})", text)
    return _ROLE.sub(r"\1\2\3 -", text)
