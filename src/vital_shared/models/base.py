"""The base of all values: they are frozen, and strict about types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Frozen"]


class Frozen(BaseModel):
    """A value that cannot be changed after it is made, so that two nodes may read it safely."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
