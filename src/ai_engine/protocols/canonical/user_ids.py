"""Ids of users, which some clients write longer than some providers take them."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["bounded_user"]


def bounded_user(user: str, max_characters: int) -> str | None:
    """Return an id as a provider takes it: a longer one by its hash, always the same; None: no id.

    Claude Code's has about 150 characters, and OpenAI takes 64.

    :param max_characters: the longest id that the provider takes, at least 64.
    """
    if len(user) <= max_characters:
        return user or None
    return sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
