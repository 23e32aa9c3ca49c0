"""Text that others have written, made fit to be stored and sent."""

from __future__ import annotations

from typing import Final

__all__ = ["clean_text"]

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def clean_text(text: str) -> str:
    """Replace what UTF-8 and Postgres cannot hold: halves of surrogate pairs, and NUL."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins halves that fit
    return text.replace("\0", REPLACEMENT) if "\0" in text else text
