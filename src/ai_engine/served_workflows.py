"""The workflows that a running service answers with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vital_shared.errors import ConfigurationError, Conflict, NotFound
from vital_shared.llm.configuration import load_configuration
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.workflow_label import name_workflow
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.declared import check_values
from vital_shared.workflows.services import Services
from vital_shared.workflows.workflow import Workflow
from vital_shared.workflows.workflow_parts import same_workflow, stored_name, stored_name_at, stored_place

__all__ = ["ServedWorkflow", "ServedWorkflows", "description_of"]


def description_of(workflow: type[Workflow[Any, Any]]) -> str:
    """Return the first paragraph of a class's docstring, or nothing where it is only that of `Workflow`."""
    text = inspect.getdoc(workflow) or ""
    return "" if text == inspect.getdoc(Workflow) else text.partition("\n\n")[0].replace("\n", " ")


@dataclass(frozen=True, slots=True)
class ServedWorkflow:
    """A workflow that is served."""

    name: str
    workflow: Workflow[Any, Any]

    @property
    def input_type(self) -> type[WorkflowInput]:
        """The model of its requests."""
        return self.workflow.input_type

    @property
    def stored_name(self) -> str:
        """Its name in the records of its runs."""
        return stored_name(type(self.workflow))


class ServedWorkflows:
    """The workflows that are served, by name.

    :param workflows: the first one answers where a request names none.
    :param unlisted: names of classes that the engine runs for itself, by the names that their runs are stored
        with; nobody asks them by name.
    """

    def __init__(
        self,
        workflows: Mapping[str, Workflow[Any, Any]],
        unlisted: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._unlisted = unlisted
        self._by_name = {name: ServedWorkflow(name, each) for name, each in workflows.items()}
        self._by_stored_name = {each.stored_name: each for each in self}
        self.default = next(iter(self))

    @classmethod
    def create(
        cls,
        classes: Mapping[str, type[Workflow[Any, Any]]],
        services: Services,
        unlisted: Mapping[str, type[Workflow[Any, Any]]] = MappingProxyType({}),
    ) -> ServedWorkflows:
        """Make an object of each class, durable as it is configured, and count it under its name.

        :param unlisted: classes that the engine runs for itself.
        :raises ConfigurationError: when one cannot be made.
        """
        made: dict[str, Workflow[Any, Any]] = {}
        tables = load_configuration(services.settings.config_path).workflows
        for name, each in classes.items():
            name_workflow(stored_name(each), name)
            try:
                made[name] = each.with_services(services)
            except Exception as error:  # a class may raise anything
                reason = f"{type(error).__name__}: {error}"
                raise ConfigurationError(f'The workflow "{name}" cannot be made ({reason}).') from error
            if name in tables and (durable := tables[name].durable) is not None:
                check_values(made[name].plan, durable)
                made[name].durable = durable
        for name, each in unlisted.items():
            name_workflow(stored_name(each), name)
        return cls(made, {stored_name(each): name for name, each in unlisted.items()})

    def __iter__(self) -> Iterator[ServedWorkflow]:
        """Yield all of them."""
        return iter(self._by_name.values())

    def find(self, name: str) -> ServedWorkflow | None:
        """Return the workflow of a name, or None."""
        return self._by_name.get(name)

    def named(self, name: str) -> ServedWorkflow:
        """Return the workflow of a name.

        :raises NotFound: when none has it.
        """
        found = self.find(name)
        if found is None:
            raise NotFound(
                f'No workflow "{name[:100]}" is served here: GET /v1/workflows lists all.', field="workflow"
            )
        return found

    def shown(self, stored: str) -> str:
        """Return the name of a workflow by its stored name; the place of its class where it is not served."""
        found = self.stored_as(stored)
        return self._unlisted.get(stored, stored_place(stored)) if found is None else found.name

    def stored_name_of(self, shown: str) -> str:
        """Return the name that the runs of a workflow are stored with, by the one they are shown with."""
        found = self.find(shown)
        if found is not None:
            return found.stored_name
        unlisted = (stored for stored, name in self._unlisted.items() if name == shown)
        return next(unlisted, stored_name_at(shown))

    def stored_as(self, stored: str) -> ServedWorkflow | None:
        """Return the workflow of a name in the records of runs, or None."""
        return self._by_stored_name.get(stored) or next(
            (each for each in self if same_workflow(each.stored_name, stored)), None
        )

    def of(self, record: RunRecord) -> ServedWorkflow:
        """Return the workflow of a stored run.

        :raises Conflict: when it is not served any longer.
        """
        stored = record.workflow
        found = self.stored_as(stored)
        if found is None:
            raise Conflict(
                f'The run {record.id} belongs to the workflow "{stored_place(stored)}", which is no longer '
                "served here: serve it again to continue the run.",
                field="run_id",
            )
        return found
