"""The durability of a run: the part of it that outlives the process that works on it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["DURABILITIES", "Durability"]

Durability: TypeAlias = Literal["pauses", "nodes"]
"""``pauses``: a checkpoint is stored where the run pauses. ``nodes``: what each costly node has made is
stored, too, so that another worker goes on with the run when its own dies."""

DURABILITIES: Final[tuple[Durability, ...]] = ("pauses", "nodes")
