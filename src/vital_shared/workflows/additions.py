"""Tools, sources and agents that the configuration and plugins add to the built-in ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vital_shared.errors import ConfigurationError
from vital_shared.llm.configuration import Configuration
from vital_shared.models.agent import AgentProfile
from vital_shared.retrieval.base import Source
from vital_shared.tools.base import Tool
from vital_shared.workflows.extensions import Extensions, configured_extensions
from vital_shared.workflows.plugins import installed_plugins, with_plugins

__all__ = ["Additions", "load_additions"]


class Additions(NamedTuple):
    """Added parts; a name that is already taken is an error in the configuration, and excludes a plugin."""

    configured: Extensions
    plugins: Extensions

    @property
    def agents(self) -> tuple[AgentProfile, ...]:
        """The profiles of agents."""
        return (*self.configured.agents, *self.plugins.agents)

    def sources_after(self, given: tuple[Source, ...]) -> tuple[Source, ...]:
        """Return sources with those that are added.

        :raises ConfigurationError: when one of the configuration has the name of another.
        """
        taken = {source.name for source in given}
        for source in self.configured.sources:
            if source.name in taken:
                raise ConfigurationError(f'Two sources are called "{source.name}": rename your own.')
        return with_plugins((*given, *self.configured.sources), self.plugins.sources)

    def tools_after(self, given: tuple[Tool, ...]) -> tuple[Tool, ...]:
        """Return tools with those that are added; `ToolRegistry` checks their names."""
        return with_plugins((*given, *self.configured.tools), self.plugins.tools)


def load_additions(configuration: Configuration, path: Path | None) -> Additions:
    """Import what the configuration names, and the installed plugins.

    :param path: the file of the configuration, for errors.
    :raises ConfigurationError: when something of the configuration cannot be used.
    """
    return Additions(configured_extensions(configuration, path), installed_plugins())
