"""Tools, and the one way to define them: the `tool` decorator on a typed async function.

::

    @tool(keywords=("bmi",), timeout_seconds=1)
    async def body_mass_index(kilograms: float, metres: float) -> str:
        \"\"\"Body mass index in kg/m².\"\"\"
        return f"{kilograms / metres**2:.1f} kg/m²"

The function's name is the tool's name, its docstring is the description by which a model chooses the tool,
and its parameters define the schema of the arguments, so that the three cannot drift apart.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Never, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic_core import to_json

from vital_shared.errors import ConfigurationError, InvalidRequest, VitalError
from vital_shared.llm.base import ToolDefinition
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage
from vital_shared.wrong_field import WrongField

__all__ = ["MAX_ARGUMENT_BYTES", "Found", "FromQuery", "Tool", "ToolContext", "ToolError", "tool"]

MAX_ARGUMENT_BYTES = 20_000
"""The maximum length of arguments as JSON; longer ones are refused without validation."""

FromQuery = Callable[[str], dict[str, Any] | None]
"""A function that extracts a tool's arguments from a question; it returns None if the tool does not apply."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONFIG = ConfigDict(strict=True, frozen=True, extra="forbid")


class ToolError(VitalError):
    """A failure of a tool call; the message is one sentence, which the user can read.

    The message of any other exception is only logged, since it was not written for the user.
    """


class Found(Frozen):
    """The result of a tool that found passages to cite."""

    text: str
    """The result in words, for readers without the passages."""
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The tenant and the run for which a tool is called."""

    tenant_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a question, a user or a model may call; made by `tool`.

    :raises ConfigurationError: when the name, the cost or the timeout is invalid.
    """

    name: str
    """snake_case, at most 64 characters."""

    description: str
    """The description, for the model and for the user who approves the call."""

    arguments: type[BaseModel]
    """The schema of the arguments; strict."""

    function: Callable[[BaseModel, ToolContext], Awaitable[str | Found]]
    timeout_seconds: float
    cost_dollars: Decimal = Decimal(0)
    """The cost of each call that was started, whether or not it succeeded."""

    requires_approval: bool = True
    read_only: bool = False
    """Whether the tool changes nothing and sends data only to the service that it calls: in automatic modes,
    a model may call it without approval, even if a document it has read asks for the call."""

    keywords: frozenset[str] = frozenset()
    """Words or phrases: the tool is suggested only for questions with one of them; empty: for all."""

    from_query: FromQuery = lambda _query: None
    examples: tuple[str, ...] = ()
    """Example questions for the tool: it is suggested for similar ones too; see `Suggester`."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f'"{self.name}" cannot be the name of a tool: use snake_case, '
                "at most 64 lower-case letters, digits and underscores."
            )
        seconds = self.timeout_seconds
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not (is_number and math.isfinite(seconds) and seconds > 0):
            raise ConfigurationError(
                f'Tool "{self.name}": timeout_seconds must be a number above 0, and not {seconds!r}.'
            )
        if not (isinstance(self.cost_dollars, Decimal) and self.cost_dollars.is_finite()):
            raise ConfigurationError(
                f'Tool "{self.name}": cost_dollars must be a Decimal, as in Decimal("0.01"), and not '
                f"{self.cost_dollars!r}."
            )
        if self.cost_dollars < 0:
            raise ConfigurationError(f'Tool "{self.name}": cost_dollars must not be below 0.')
        for option in ("requires_approval", "read_only"):
            if not isinstance(getattr(self, option), bool):
                raise ConfigurationError(
                    f'Tool "{self.name}": {option} must be True or False, and not {getattr(self, option)!r}.'
                )
        if not callable(self.from_query):
            raise ConfigurationError(
                f'Tool "{self.name}": from_query must be a function of the question, and not '
                f"{self.from_query!r}."
            )

    @property
    def definition(self) -> ToolDefinition:
        """The definition of the tool as models receive it."""
        return _definition(self.name, self.description, self.arguments)

    def validate(self, arguments: Mapping[str, Any]) -> BaseModel:
        """Validate arguments from JSON, and convert them to their types.

        :raises InvalidRequest: naming the tool and the argument.
        """
        try:
            # By way of JSON, so that strict types still take an array for a tuple and a string for a date.
            as_json = to_json(dict(arguments))
        except ValueError as error:
            raise self._invalid("the arguments cannot be written as JSON") from error
        if len(as_json) > MAX_ARGUMENT_BYTES:
            raise self._invalid(f"the arguments are longer than {MAX_ARGUMENT_BYTES:,} bytes of JSON")
        try:
            return self.arguments.model_validate_json(as_json)
        except ValidationError as error:
            wrong = WrongField.first(error)
            raise self._invalid(f'argument "{wrong.place}": {wrong.remark}', wrong.place) from error

    def _invalid(self, what: str, argument: str = "") -> InvalidRequest:
        field = ".".join(part for part in ("requested_tools", self.name, argument) if part)
        return InvalidRequest(f'Tool "{self.name}": {what}.', field=field)


def _no_option(name: str, option: str) -> str:
    parameters = inspect.signature(tool).parameters.values()
    options = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    near = get_close_matches(option, options, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(options)}."
    return f'Tool "{name}": @tool has no option {option}: {hint}'


@lru_cache(maxsize=1_000)  # made for each question otherwise, and a schema takes a while
def _definition(name: str, description: str, arguments: type[BaseModel]) -> ToolDefinition:
    return ToolDefinition(name=name, description=description, parameters=arguments.model_json_schema())


def tool(
    function: None = None,
    /,
    *,
    timeout_seconds: float = 10.0,
    cost_dollars: Decimal = Decimal(0),
    requires_approval: bool = True,
    read_only: bool = False,
    keywords: Iterable[str] = (),
    from_query: FromQuery = lambda _query: None,
    examples: Iterable[str] = (),
    **unknown: Never,
) -> Callable[[Callable[..., Awaitable[str | Found]]], Tool]:
    """Turn an async function with typed parameters and a docstring into a tool; it returns text or `Found`.

    A parameter of the type `ToolContext` is not an argument: it receives the tenant and the run.

    :raises ConfigurationError: when the function cannot be a tool; the message says why.
    """
    if function is not None:
        name = getattr(function, "__name__", function)
        raise ConfigurationError(f'Tool "{name}": write @tool() above it, with parentheses.')

    def decorate(function: Callable[..., Awaitable[str | Found]]) -> Tool:
        name, description = function.__name__, inspect.getdoc(function)
        for option in unknown:
            raise ConfigurationError(_no_option(name, option))
        words = _texts(name, "keywords", keywords)
        questions = _texts(name, "examples", examples)
        if not inspect.iscoroutinefunction(function):
            raise ConfigurationError(
                f'Tool "{name}" must be an async function: write "async def {name}", '
                "and hand work that blocks to asyncio.to_thread."
            )
        if not description:
            raise ConfigurationError(f'Tool "{name}" needs a docstring: models choose a tool by it.')
        hints = _hints(function)
        context_names = [each for each, hint in hints.items() if hint is ToolContext]
        arguments = _arguments(function, {k: v for k, v in hints.items() if k not in context_names})

        async def call(arguments: BaseModel, context: ToolContext) -> str | Found:
            values = {field: getattr(arguments, field) for field in type(arguments).model_fields}
            return await function(**values, **dict.fromkeys(context_names, context))

        return Tool(
            name=name,
            description=description,
            arguments=arguments,
            function=call,
            timeout_seconds=timeout_seconds,
            cost_dollars=cost_dollars,
            requires_approval=requires_approval,
            read_only=read_only,
            keywords=frozenset(words),
            from_query=from_query,
            examples=questions,
        )

    return decorate


def _texts(name: str, option: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of an option; a single string would be read as a list of letters.

    :raises ConfigurationError: when the option is not a collection of strings.
    """
    texts = () if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if (
        isinstance(given, str)
        or not isinstance(given, Iterable)
        or not all(isinstance(text, str) for text in texts)
    ):
        raise ConfigurationError(
            f'Tool "{name}": {option} must be texts, as in {option}=("…",), and not {given!r}.'
        )
    return texts


def _hints(function: Callable[..., Awaitable[str | Found]]) -> dict[str, Any]:
    """Read the type of each parameter.

    :raises ConfigurationError: when one has none, or what the function returns is no text.
    """
    name = function.__name__
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f'Tool "{name}": the type "{error.name}" is not known in its module: import it at the top.'
        ) from error
    returned = hints.pop("return", str)
    for each in inspect.signature(function).parameters.values():
        if each.kind not in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) or each.name.startswith("_"):
            raise ConfigurationError(
                f'Tool "{name}": parameter "{each.name}" must be a single one, and begin with a letter.'
            )
        if each.name == "self":
            raise ConfigurationError(f'Tool "{name}" is a method: write a function, outside of the class.')
        if each.name not in hints:
            raise ConfigurationError(f'Tool "{name}": parameter "{each.name}" needs a type.')
    if not _may_be_found(returned):
        raise ConfigurationError(
            f'Tool "{name}" returns {_type_name(returned)}: let it return text (str), or Found with passages.'
        )
    return hints


def _may_be_found(hint: Any) -> bool:
    """Return whether a value of a type may be what a tool returns; a type that is not known may be one."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(map(_may_be_found, get_args(hint)))
    if origin is Annotated:
        return _may_be_found(get_args(hint)[0])
    kind = origin or hint
    return (
        kind is Any
        or not isinstance(kind, type)
        or any(issubclass(kind, good) or issubclass(good, kind) for good in (str, Found))
    )


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)


def _arguments(function: Callable[..., Awaitable[str | Found]], hints: Mapping[str, Any]) -> type[BaseModel]:
    """Build the schema of the arguments from the parameters."""
    parameters = inspect.signature(function).parameters
    fields: dict[str, Any] = {
        name: (hint, ... if parameters[name].default is inspect.Parameter.empty else parameters[name].default)
        for name, hint in hints.items()
    }
    try:
        arguments: type[BaseModel] = create_model(function.__name__, __config__=_CONFIG, **fields)
        arguments.model_json_schema()
    except PydanticUserError as error:
        raise ConfigurationError(
            f'Tool "{function.__name__}": a parameter has a type that JSON cannot carry: {error.message}'
        ) from error
    return arguments
