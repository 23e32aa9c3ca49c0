"""The finished nodes of durable runs, and the finished parts of others, as they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from vital_shared.graph import FinishedNode
from vital_shared.logs import get_logger
from vital_shared.models.base import Frozen
from vital_shared.models.model_call import ModelCall
from vital_shared.models.tool import ToolResult

__all__ = ["StoredNode", "stored_nodes"]

logger = get_logger(__name__)


class StoredNode(Frozen):
    """A finished node, or a finished part of one, with its effects on the run besides its value."""

    node: FinishedNode
    calls: tuple[ModelCall, ...] = ()
    """Its calls of models; with a part, those of its node that no other part has."""
    tool_results: tuple[ToolResult, ...] = ()
    """The results of the tools that models have called for it; with a part, likewise."""


def stored_nodes(run_id: str, finished: Mapping[str, str]) -> Iterator[StoredNode]:
    """Read the finished nodes; one that another version of the engine has stored otherwise runs again.

    :param finished: JSON of each, by its name.
    """
    for name, text in finished.items():
        try:
            yield StoredNode.model_validate_json(text)
        except ValidationError as error:
            logger.warning("finished_node_unreadable", run_id=run_id, node=name, exc_info=error)
