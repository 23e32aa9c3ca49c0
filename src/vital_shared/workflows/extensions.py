"""Custom workflows, tools, sources and agents, which the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.graph import Graph, GraphError
from vital_shared.llm.configuration import Configuration
from vital_shared.models.agent import AgentProfile
from vital_shared.retrieval.base import Source
from vital_shared.tools.base import Tool
from vital_shared.workflows.find_object import find_object
from vital_shared.workflows.own_parts import wrong_search

__all__ = ["Extensions", "configured_extensions", "sort_out"]

KINDS: Final = {"tools": "a tool", "sources": "a source", "agents": "an agent"}


class Extensions(NamedTuple):
    """Custom parts in addition to the built-in ones."""

    workflows: Mapping[str, type[Graph]]
    tools: tuple[Tool, ...]
    sources: tuple[Source, ...]
    agents: tuple[AgentProfile, ...]


def sort_out(parts: Mapping[str, Any]) -> Extensions:
    """Sort objects by what they are.

    :param parts: objects by name, which is that of a workflow; the others have a name of their own.
    :raises InvalidRequest: when one is none of these.
    """
    workflows: dict[str, type[Graph]] = {}
    tools: list[Tool] = []
    sources: list[Source] = []
    agents: list[AgentProfile] = []
    for name, part in parts.items():
        if isinstance(part, type) and issubclass(part, Graph):
            workflows[name] = part
        elif isinstance(part, Tool):
            tools.append(part)
        elif isinstance(part, AgentProfile):
            agents.append(part)
        elif _is_source(part):
            if (problem := wrong_search(part)) is not None:
                raise InvalidRequest(f"{problem}.")
            sources.append(part)
        else:
            raise InvalidRequest(
                f"{part!r:.200} is not a workflow class, a tool (put @tool() above the function), a source "
                "(an object with a name and a search) or an AgentProfile."
            )
    return Extensions(workflows, tuple(tools), tuple(sources), tuple(agents))


def configured_extensions(configuration: Configuration, path: Path | None) -> Extensions:
    """Import the tools, sources and agents that the configuration names.

    :param path: the file, for errors.
    :raises ConfigurationError: when one cannot be imported, is something else, or is called otherwise.
    """
    found: dict[str, tuple[Any, ...]] = {
        table: tuple(
            _configured(table, name, target, path) for name, target in getattr(configuration, table).items()
        )
        for table in KINDS
    }
    return Extensions({}, **found)


def _configured(table: str, name: str, target: str, path: Path | None) -> Any:
    place, kind = f"[{table}] in {path}", KINDS[table]
    try:
        part = find_object(target)
        matching = getattr(sort_out({name: part}), table)
    except (InvalidRequest, GraphError) as error:
        raise ConfigurationError(f"{place}: {error}") from error
    if not matching:
        raise ConfigurationError(f"{place}: {target} is not {kind}: move it to the table of its kind.")
    own_name = part.id if isinstance(part, AgentProfile) else part.name
    if own_name != name:
        raise ConfigurationError(f'{place}: {target} is called "{own_name}": write {own_name} = "{target}".')
    return part


def _is_source(part: object) -> bool:
    has_face = isinstance(getattr(part, "name", None), str) and hasattr(part, "search")
    return has_face and not isinstance(part, type)
