"""The text of an error as it is shown and stored."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(error: object) -> str:
    """Return the text of an error in one line, without lone surrogates; empty: it cannot be read."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - of a class of the node's own: the name of the class has to do
        return ""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode()
