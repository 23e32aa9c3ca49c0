"""The workflow classes that the service runs, by name, from its settings and its configuration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from ai_engine.settings import ServerSettings
from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import GraphError
from vital_shared.llm.configuration import load_configuration
from vital_shared.models.workflow_names import BUILT_IN, NAME_RULE, class_name_as_name, is_name
from vital_shared.settings import Settings
from vital_shared.workflows.base_workflow import BaseWorkflow
from vital_shared.workflows.find_graph import find_graph
from vital_shared.workflows.workflow import Workflow

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
        workflow, needs arguments, or a name is taken twice.
    """
    found: dict[str, type[Workflow[Any, Any]]] = {}
    places: dict[str, str] = {}
    for setting in _settings(settings, library):
        served = _class(setting)
        name = _name(setting, served)
        if found.get(name, served) is not served:
            raise ConfigurationError(
                f'{setting.place}: two workflows are called "{name}", {places[name]} and {setting.target}: '
                f"give one of them another name, as in {VARIABLE}=another-name={setting.target}."
            )
        found[name], places[name] = served, setting.target
    return _default_first(found)


def _default_first(found: dict[str, type[Workflow[Any, Any]]]) -> ServedClasses:
    if DEFAULT in found:
        return {DEFAULT: found.pop(DEFAULT), **found}
    if len(found) == 1 and issubclass(next(iter(found.values())), BaseWorkflow):
        return found
    return {BUILT_IN: BaseWorkflow, **found}


def _settings(settings: ServerSettings, library: Settings) -> Iterator[Setting]:
    path = library.config_path
    for name, target in load_configuration(path).workflows.items():
        yield Setting(f"[workflows] in {path}", name, target)
    for each in filter(None, map(str.strip, settings.workflow.split(","))):
        named = _NAMED.fullmatch(each)
        yield Setting(VARIABLE, named[1] if named else None, named[2] if named else each)


def _class(setting: Setting) -> type[Workflow[Any, Any]]:
    place, target = setting.place, setting.target
    try:
        found = find_graph(target)
    except (InvalidRequest, GraphError) as error:
        raise ConfigurationError(f"{place}: {error}") from error
    if not issubclass(found, Workflow):
        raise ConfigurationError(
            f"{place}: {target} cannot be served: name a subclass of vital_shared.Workflow or BaseWorkflow."
        )
    try:
        inspect.signature(found).bind(services=None)
    except TypeError as error:
        raise ConfigurationError(
            f"{place}: {target} cannot be served: its __init__ has to take services, and to need nothing "
            f"else ({error})."
        ) from error
    return found


def _name(setting: Setting, served: type[Workflow[Any, Any]]) -> str:
    name = class_name_as_name(served.__name__) if setting.name is None else setting.name
    if not is_name(name):
        raise ConfigurationError(
            f'{setting.place}: "{name}" cannot name a workflow: it has to be {NAME_RULE}, as in '
            f"{VARIABLE}=report={setting.target}."
        )
    return name
