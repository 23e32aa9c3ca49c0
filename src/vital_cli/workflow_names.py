"""Workflows by the names that the engine of this configuration would serve them by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ai_engine.app import GATEWAY
from ai_engine.served_classes import ServedClasses, served_classes
from ai_engine.settings import ServerSettings
from vital_cli.settings import load_settings
from vital_cli.terminal import say
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Graph
from vital_shared.models.workflow_names import BUILT_IN, BUILT_IN_CLASS
from vital_shared.settings import Settings
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.find_graph import find_graph
from vital_shared.workflows.find_workflow import find_workflow
from vital_shared.workflows.workflow import Workflow
from vital_shared.workflows.workflow_parts import same_workflow, stored_name, stored_name_at, stored_place

__all__ = ["find_named_graph", "find_named_workflow", "served_names", "stored_as", "workflow_of_run"]


def find_named_workflow(target: str | None) -> type[Workflow[Any, Any]]:
    """Return a workflow by its name in the configuration, or by its place.

    :param target: a name without a colon, ``module:Class``, or ``file.py:Class``; None: the one that answers
        ``/v1/runs`` where this configuration is served.
    :raises InvalidRequest: when there is no such class, it is no workflow, or its module cannot be imported.
    :raises ConfigurationError: when a workflow of the configuration cannot be served.
    :raises PlanError: when the class does not describe a graph.
    """
    if target is None:
        return next(iter(_served().values()))
    return find_workflow(target) if ":" in target else _named(target)


def find_named_graph(target: str) -> type[Graph]:
    """Return a graph by its name in the configuration, or by its place, as `find_named_workflow` does."""
    return find_graph(target) if ":" in target else _named(target)


def workflow_of_run(stored: str, target: str | None) -> tuple[type[Workflow[Any, Any]], str]:
    """Return the workflow that a run belongs to, and how commands name it.

    :param stored: the name that the run is stored with.
    :param target: its name as in `find_named_workflow`; None: the one of the configuration that has stored
        the run, or the built-in one if there is none.
    """
    if target:
        return find_named_workflow(target), target
    served = (each for each in _served().values() if same_workflow(stored_name(each), stored))
    return next(served, BaseWorkflow), stored_place(stored)


def stored_as(name: str) -> str:
    """Return the name that runs of a workflow are stored with, by its name or the place of its class."""
    served = {BUILT_IN: BUILT_IN_CLASS} | {each: stored_name(made) for each, made in GATEWAY.items()}
    if name not in served:
        served |= {each: stored_name(made) for each, made in _served_if_right().items()}
    return served.get(name) or stored_name_at(name)


def _named(name: str) -> type[Workflow[Any, Any]]:
    served = _served()
    if name not in served:
        raise InvalidRequest(
            f'There is no workflow "{name}" in the configuration, which has {", ".join(sorted(served))}: '
            "write one of these, module:Class, or file.py:Class."
        )
    return served[name]


def _served() -> ServedClasses:
    return served_classes(load_settings(ServerSettings), load_settings(Settings))


def _served_if_right() -> ServedClasses:
    """Return the workflows of the configuration; none where it is wrong, which is said."""
    try:
        return _served()
    except ConfigurationError as error:
        say(f"Workflows are shown by their classes. {error}", "yellow")
        return {}


def served_names() -> Callable[[str], str]:
    """Return what finds the name of a workflow by the one that its runs are stored with.

    One that is not served has the place of its class for a name; so have all where the configuration is
    wrong, since their costs are shown nevertheless.
    """
    names = {BUILT_IN_CLASS: BUILT_IN} | {stored_name(each): name for name, each in GATEWAY.items()}
    names |= {stored_name(each): name for name, each in _served_if_right().items()}

    def name(stored: str) -> str:
        found = (names[other] for other in names if same_workflow(other, stored))
        return next(found, stored_place(stored))

    return name
