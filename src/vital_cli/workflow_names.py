"""The names of workflows, as the engine of this configuration would serve them."""

from __future__ import annotations

from collections.abc import Callable

from ai_engine.app import GATEWAY
from ai_engine.served_classes import served_classes
from ai_engine.settings import ServerSettings
from vital_cli.session import load_settings
from vital_cli.terminal import say
from vital_shared.errors import ConfigurationError
from vital_shared.models.workflow_names import BUILT_IN, BUILT_IN_CLASS
from vital_shared.settings import Settings
from vital_shared.workflows.workflow_parts import same_workflow, stored_name, stored_place

__all__ = ["served_names"]


def served_names() -> Callable[[str], str]:
    """Return what finds the name of a workflow by the one that its runs are stored with.

    One that is not served has the place of its class for a name; so have all where the configuration is
    wrong, since their costs are shown nevertheless.
    """
    names = {BUILT_IN_CLASS: BUILT_IN} | {stored_name(each): name for name, each in GATEWAY.items()}
    try:
        classes = served_classes(load_settings(ServerSettings), load_settings(Settings))
    except ConfigurationError as error:
        say(f"Workflows are shown by their classes. {error}", "yellow")
    else:
        names |= {stored_name(each): name for name, each in classes.items()}

    def name(stored: str) -> str:
        found = (names[other] for other in names if same_workflow(other, stored))
        return next(found, stored_place(stored))

    return name
