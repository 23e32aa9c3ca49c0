"""The times of one node of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

__all__ = ["NodeTiming"]


@dataclass(frozen=True, slots=True)
class NodeTiming:
    """One node of a run: when it started and ended, in seconds since the run's start."""

    __pydantic_config__: ClassVar = ConfigDict(strict=True, extra="forbid")

    node: str
    status: str
    start_seconds: float
    end_seconds: float
