"""Workflows, tools, sources and agents of installed packages: their entry points of one group.

::

    [project.entry-points."vital.plugins"]
    report = "office.workflows:OfficeReport"

An entry point names a workflow class, a tool, a source, an `AgentProfile`, a list of these, or a function
without parameters that returns one or several. The specification of entry points is that of PyPA, "Entry
points specification".
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, TypeVar

from vital_shared.logs import get_logger
from vital_shared.models.workflow_names import class_name_as_name
from vital_shared.workflows.extensions import Extensions, sort_out

__all__ = ["GROUP", "installed_plugins", "log_left_out", "with_plugins"]

logger = get_logger(__name__)

GROUP: Final = "vital.plugins"


class Named(Protocol):
    """A tool or a source."""

    @property
    def name(self) -> str:
        """Its name, unique among its kind."""
        ...


N = TypeVar("N", bound=Named)
P = TypeVar("P")


@cache
def installed_plugins() -> Extensions:
    """Load the plugins, once; one that cannot be loaded is left out, and logged."""
    loaded = [found for each in entry_points(group=GROUP) if (found := _loaded(each)) is not None]
    return Extensions(
        _first((name, each) for found in loaded for name, each in found.workflows.items()),
        tuple(_first((each.name, each) for found in loaded for each in found.tools).values()),
        tuple(_first((each.name, each) for found in loaded for each in found.sources).values()),
        tuple(_first((each.id, each) for found in loaded for each in found.agents).values()),
    )


def _first(named: Iterable[tuple[str, P]]) -> dict[str, P]:
    """Return the first part of each name; others of the name are left out, and logged."""
    found: dict[str, P] = {}
    for name, part in named:
        if found.setdefault(name, part) is not part:
            log_left_out(name, f'Something else is called "{name}".')
    return found


def with_plugins(parts: Sequence[N], plugins: Iterable[N]) -> tuple[N, ...]:
    """Add the parts of plugins; one whose name is taken is left out, and logged."""
    found = {part.name: part for part in plugins}
    for part in parts:
        if found.pop(part.name, part) is not part:
            log_left_out(part.name, f'Something else is called "{part.name}".')
    return (*parts, *found.values())


def log_left_out(name: str, error: str, **fields: str | None) -> None:
    """Log that a plugin is not used, and why."""
    logger.warning("plugin_left_out", name=name, error=error, **fields)


def _loaded(entry_point: EntryPoint) -> Extensions | None:
    try:
        part = entry_point.load()
        return sort_out(_named(entry_point.name, part() if inspect.isfunction(part) else part))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything while it is imported
        log_left_out(
            entry_point.name,
            f"{type(error).__name__}: {error}",
            target=entry_point.value,
            distribution=entry_point.dist.name if entry_point.dist else None,
        )
        return None


def _named(name: str, part: Any) -> dict[str, Any]:
    """Name a part after its entry point, and each of several after itself."""
    if not isinstance(part, list | tuple):
        return {name: part}
    return {_own_name(each, f"{name}/{number}"): each for number, each in enumerate(part)}


def _own_name(part: Any, otherwise: str) -> str:
    return class_name_as_name(part.__name__) if isinstance(part, type) else otherwise
