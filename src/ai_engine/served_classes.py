"""The workflow class that the service runs, from its settings."""

from __future__ import annotations

from ai_engine.settings import ServerSettings
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import GraphError
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.find_graph import find_graph

__all__ = ["served_workflow"]


def served_workflow(settings: ServerSettings) -> type[BaseWorkflow]:
    """Import the class that answers.

    :raises ConfigurationError: when there is no such class, its module cannot be imported, or it is no
        `BaseWorkflow`.
    """
    if not settings.workflow:
        return BaseWorkflow
    try:
        found = find_graph(settings.workflow)
    except (InvalidRequest, GraphError) as error:
        raise ConfigurationError(f"VITAL_WORKFLOW: {error}") from error
    if not issubclass(found, BaseWorkflow):
        raise ConfigurationError(
            f"VITAL_WORKFLOW: {settings.workflow} cannot be served: "
            "name a subclass of vital_shared.BaseWorkflow."
        )
    return found
