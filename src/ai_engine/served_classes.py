"""The workflow classes that the service runs, by name, from its settings and its configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from ai_engine.settings import ServerSettings
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Graph, GraphError
from vital_shared.llm.configuration import load_configuration
from vital_shared.models.workflow_names import BUILT_IN, NAME_RULE, class_name_as_name, is_name
from vital_shared.settings import Settings
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.constructors import constructor_fault
from vital_shared.workflows.find_graph import find_graph
from vital_shared.workflows.plugins import installed_plugins, log_left_out
from vital_shared.workflows.workflow import Workflow
from vital_shared.workflows.workflow_parts import stored_name

__all__ = ["DEFAULT", "ServedClasses", "served_classes"]

ServedClasses: TypeAlias = Mapping[str, type[Workflow[Any, Any]]]
"""The classes by name; the first one answers where a request names no workflow."""

DEFAULT: Final = "default"
"""The name of the workflow that takes the place of the built-in one."""

VARIABLE: Final = "VITAL_WORKFLOW"

_NAMED: Final = re.compile(r"([^=:/\\.]*)=(.*)", re.DOTALL)


class Setting(NamedTuple):
    """A workflow as it is configured."""

    place: str
    """The place of the setting, for errors."""

    name: str | None
    target: str


def served_classes(settings: ServerSettings, library: Settings) -> ServedClasses:
    """Import the classes that answer.

    The first one is the one called `DEFAULT`. Where there is none, it is the built-in one, unless a single
    class is served and extends that.

    :raises ConfigurationError: when there is no such class, its module cannot be imported, it is no
        workflow, needs arguments, a name is taken twice, or a class has two names.
    """
    found: dict[str, type[Workflow[Any, Any]]] = {}
    targets: dict[str, str] = {}
    names: dict[str, str] = {}
    for setting in _settings(settings, library):
        served = _class(setting)
        name, stored = _name(setting, served), stored_name(served)
        if name in found and stored_name(found[name]) != stored:
            raise ConfigurationError(
                f'{setting.place}: two workflows are called "{name}", {targets[name]} and {setting.target}: '
                f"give one of them another name, as in {VARIABLE}=another-name={setting.target}."
            )
        if (other := names.setdefault(stored, name)) != name:
            raise ConfigurationError(
                f'{setting.place}: {setting.target} is served twice, as "{other}" and as "{name}": '
                "leave one of them out."
            )
        found[name], targets[name] = served, setting.target
    return {**_default_first(found), **_of_plugins(found, names)}


def _default_first(found: dict[str, type[Workflow[Any, Any]]]) -> ServedClasses:
    if DEFAULT in found:
        return {DEFAULT: found.pop(DEFAULT), **found}
    if len(found) == 1 and issubclass(next(iter(found.values())), BaseWorkflow):
        return found
    if stored_name(BaseWorkflow) in map(stored_name, found.values()):
        return dict(sorted(found.items(), key=lambda item: item[1] is not BaseWorkflow))
    return {BUILT_IN: BaseWorkflow, **found}


def _of_plugins(taken: Collection[str], configured: Collection[str]) -> ServedClasses:
    """Return the workflows of plugins that can be served under their names; the others are logged.

    :param configured: classes that are served already, by their names in the records of their runs.
    """
    found: dict[str, type[Workflow[Any, Any]]] = {}
    for name, each in installed_plugins().workflows.items():
        if name in (DEFAULT, BUILT_IN, *taken):
            log_left_out(name, f'Something else is called "{name}".')
            continue
        if stored_name(each) in configured:
            continue  # its user has given it another name
        try:
            _check_name(name)
            found[name] = _checked(each)
        except ConfigurationError as error:
            log_left_out(name, str(error))
    return found


def _settings(settings: ServerSettings, library: Settings) -> Iterator[Setting]:
    path = library.config_path
    for name, table in load_configuration(path).workflows.items():
        yield Setting(f"[workflows] in {path}", name, table.target)
    for each in filter(None, map(str.strip, settings.workflow.split(","))):
        named = _NAMED.fullmatch(each)
        yield Setting(VARIABLE, named[1] if named else None, named[2] if named else each)


def _class(setting: Setting) -> type[Workflow[Any, Any]]:
    try:
        return _checked(find_graph(setting.target))
    except (InvalidRequest, GraphError) as error:
        raise ConfigurationError(f"{setting.place}: {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{setting.place}: {setting.target} {error}") from error


def _checked(found: type[Graph]) -> type[Workflow[Any, Any]]:
    """Return a class that can be served.

    :raises ConfigurationError: when it cannot; its subject is left to the caller.
    """
    if not issubclass(found, Workflow):
        raise ConfigurationError("cannot be served: name a subclass of vital_shared.Workflow.")
    if not found.plan.nodes:
        raise ConfigurationError("cannot be served: it has no nodes, so put @node above its methods.")
    if fault := constructor_fault(found):
        raise ConfigurationError(f"cannot be served: {fault}")
    return found


def _name(setting: Setting, served: type[Workflow[Any, Any]]) -> str:
    name = class_name_as_name(served.__name__) if setting.name is None else setting.name
    try:
        _check_name(name)
    except ConfigurationError as error:
        example = f"{VARIABLE}=report={setting.target}"
        raise ConfigurationError(f"{setting.place}: {error}, as in {example}.") from error
    return name


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ConfigurationError(f'"{name}" cannot name a workflow: it has to be {NAME_RULE}')
