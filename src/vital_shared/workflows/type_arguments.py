"""Read the type parameters of a workflow class: the types of its input and its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args, get_origin

from typing_extensions import TypeVar as DefaultTypeVar

from vital_shared.graph import PlanError
from vital_shared.graph.value_fit import is_narrower, shown_type
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.storable_input import check_storable

__all__ = ["InputT", "input_type_of", "result_type_of", "type_arguments"]

ARGUMENTS: Final = "_type_arguments"
"""The attribute of a class that holds what this has found for it."""

TAKEN_NAMES: Final = frozenset({"input", "run_id"})
"""Names of the values that nodes read beside an input's fields."""

InputT = DefaultTypeVar("InputT", bound=WorkflowInput, default=WorkflowInput)


def type_arguments(cls: type, generic: type) -> tuple[Any, ...]:
    """Return the arguments of a generic class for a subclass; its own parameter where none is given.

    >>> class Extract(Workflow[ContractInput, Contract]): ...
    >>> type_arguments(Extract, Workflow)
    (ContractInput, Contract)

    """
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = get_origin(base) or base
        if isinstance(origin, type) and issubclass(origin, generic):
            parameters = getattr(origin, "__parameters__", ())
            known: tuple[Any, ...] = getattr(origin, ARGUMENTS, ()) or parameters
            given = dict(zip(parameters, get_args(base), strict=False))
            return tuple(_filled(argument, given) for argument in known)
    raise TypeError(f"{cls.__name__} is not a subclass of {generic.__name__}")


def _filled(argument: Any, given: Mapping[Any, Any]) -> Any:
    """Put what is given in the place of type parameters, within an argument such as ``list[T]`` too."""
    if isinstance(argument, TypeVar):
        return given.get(argument, argument)
    parameters = getattr(argument, "__parameters__", ())
    if not parameters or isinstance(argument, type):
        return argument
    return argument[tuple(given.get(parameter, parameter) for parameter in parameters)]


def input_type_of(workflow: str, argument: Any) -> type[WorkflowInput]:
    """Return the class of a workflow's inputs.

    :raises PlanError: when it is no `WorkflowInput`, or a field of it cannot be stored and read back.
    """
    if isinstance(argument, TypeVar):
        return WorkflowInput
    if isinstance(argument, type) and issubclass(argument, WorkflowInput):
        for name in TAKEN_NAMES & set(argument.model_fields):
            raise PlanError(f"{argument.__name__} has a field '{name}', a name that runs use: rename it")
        _check_redeclared(argument)
        check_storable(argument)
        return argument
    shown = argument.__name__ if isinstance(argument, type) else repr(argument)
    raise PlanError(
        f"workflow '{workflow}' has {shown} as its input: write a subclass of WorkflowInput, "
        "defined above the workflow"
    )


def _check_redeclared(kind: type[WorkflowInput]) -> None:
    """See that fields which every run needs keep their types.

    :raises PlanError: when one is declared again with another type.
    """
    for name, field in WorkflowInput.model_fields.items():
        declared = kind.model_fields[name].annotation
        if not is_narrower(declared, field.annotation):
            raise PlanError(
                f"{kind.__name__} declares the field '{name}' again, as {shown_type(declared)}, and a run "
                f"needs it as {shown_type(field.annotation)}: give the field another name"
            )


def result_type_of(argument: Any) -> Any:
    """Return the type of a workflow's result; None: it has none."""
    return None if isinstance(argument, TypeVar) or argument in (type(None), Any) else argument
