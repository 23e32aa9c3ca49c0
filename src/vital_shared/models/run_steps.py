"""The steps of a run: the times of its nodes, and their failed attempts."""

from __future__ import annotations

from pydantic import ConfigDict

from vital_shared.models.base import Frozen
from vital_shared.models.node_timing import NodeTiming

__all__ = ["NodeFailure", "RunSteps"]


class NodeFailure(Frozen):
    """Failed attempts at a node, or at one item of a fan-out."""

    node: str
    item: int | None = None
    """The index of an item of a fan-out."""
    attempts: int
    """Number of attempts that failed; another one, or a fallback, may have succeeded."""
    error: str
    """The last failure: ``Type: message`` of the engine's own errors; of others the type alone, since their
    messages may hold anything."""

    model_config = ConfigDict(extra="ignore")


class RunSteps(Frozen):
    """The steps of a run that ended without an answer; those of an answer stand in it."""

    nodes: tuple[NodeTiming, ...] = ()
    failures: tuple[NodeFailure, ...] = ()

    model_config = ConfigDict(extra="ignore")
