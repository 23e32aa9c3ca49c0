from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.tools.base import MAX_ARGUMENT_BYTES, Found, Tool, ToolContext, tool


class Opaque:
    """A class that pydantic knows nothing of."""


@tool(cost_dollars=Decimal("0.01"), keywords=("bmi",))
async def body_mass_index(kilograms: Annotated[float, Field(gt=0)], metres: float = 1.7) -> str:
    """Body mass index in kg/m²."""
    return f"{kilograms / metres**2:.1f} kg/m²"


@tool()
async def on_behalf_of(days: tuple[date, ...], who: ToolContext) -> str:
    """Return the caller."""
    return f"{who.tenant_id} asks for {', '.join(day.isoformat() for day in days)}"


@tool()
async def unbounded(text: str) -> str:
    """Take any text."""
    return text


async def test_a_typed_async_function_becomes_a_tool(context: ToolContext) -> None:
    assert isinstance(body_mass_index, Tool)
    assert (body_mass_index.name, body_mass_index.description) == (
        "body_mass_index",
        "Body mass index in kg/m².",
    )
    assert body_mass_index.keywords == frozenset({"bmi"})
    assert body_mass_index.requires_approval
    arguments = body_mass_index.validate({"kilograms": 70.0, "metres": 1.75})
    assert await body_mass_index.function(arguments, context) == "22.9 kg/m²"


async def test_defaults_of_parameters_are_defaults_of_arguments(context: ToolContext) -> None:
    assert (
        await body_mass_index.function(body_mass_index.validate({"kilograms": 70.0}), context) == "24.2 kg/m²"
    )


def test_the_schema_is_read_off_the_signature() -> None:
    schema = body_mass_index.definition.parameters
    assert schema["required"] == ["kilograms"]
    assert schema["properties"]["kilograms"]["type"] == "number"
    assert schema["properties"]["kilograms"]["exclusiveMinimum"] == 0
    assert schema["additionalProperties"] is False


async def test_the_context_is_handed_in_by_type_and_is_no_argument(context: ToolContext) -> None:
    assert list(on_behalf_of.definition.parameters["properties"]) == ["days"]
    arguments = on_behalf_of.validate({"days": ["2024-05-01"]})
    assert await on_behalf_of.function(arguments, context) == "acme asks for 2024-05-01"
    with pytest.raises(InvalidRequest, match="who"):
        on_behalf_of.validate({"days": [], "who": {"tenant_id": "other", "run_id": "1"}})


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({}, "kilograms"),
        ({"kilograms": "70"}, "kilograms"),
        ({"kilograms": -1.0}, "kilograms"),
        ({"kilograms": 70.0, "pounds": 1}, "pounds"),
        ({"kilograms": 70.0, "metres": None}, "metres"),
    ],
)
def test_wrong_arguments_are_refused_by_tool_and_argument(
    arguments: dict[str, object], argument: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body_mass_index.validate(arguments)
    assert f'Tool "body_mass_index": argument "{argument}"' in caught.value.message
    assert caught.value.field == f"requested_tools.body_mass_index.{argument}"


def test_arguments_that_are_too_long_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="longer than 20,000 bytes"):
        unbounded.validate({"text": "x" * MAX_ARGUMENT_BYTES})


@pytest.mark.parametrize("value", [object(), "\ud800"])
def test_arguments_that_are_not_json_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        unbounded.validate({"text": value})


def test_arguments_that_hold_themselves_are_refused() -> None:
    loop: dict[str, object] = {}
    loop["text"] = loop
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        unbounded.validate(loop)


def test_a_sync_function_is_refused_saying_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r'"slow" must be an async function.*asyncio\.to_thread'):

        @tool()  # type: ignore[arg-type]  # the mistake under test
        def slow(text: str) -> str:
            """Block."""
            return text


def test_a_tool_needs_a_docstring() -> None:
    with pytest.raises(ConfigurationError, match='"silent" needs a docstring'):

        @tool()
        async def silent(text: str) -> str:
            return text


def test_each_parameter_needs_a_type() -> None:
    with pytest.raises(ConfigurationError, match='parameter "text" needs a type'):

        @tool()
        async def untyped(text) -> str:  # type: ignore[no-untyped-def]  # the mistake under test
            """Say."""
            return str(text)


def test_parameters_without_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='parameter "numbers" must be a single one'):

        @tool()
        async def total(*numbers: int) -> str:
            """Add."""
            return str(sum(numbers))


@pytest.mark.parametrize("kind", [Opaque, Callable[[], int]])
def test_a_type_that_json_cannot_carry_is_refused(kind: object) -> None:
    async def function(value: object) -> str:
        """Say."""
        return str(value)

    function.__annotations__["value"] = kind
    with pytest.raises(ConfigurationError, match="a type that JSON cannot carry"):
        tool()(function)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(int, "int"), (None, "NoneType"), (dict[str, int], r"dict\[str, int\]"), (int | None, r"int \| None")],
)
def test_a_tool_that_returns_no_text_is_refused(kind: object, name: str) -> None:
    async def function(value: int) -> Any:
        """Double."""
        return 2 * value

    function.__annotations__["return"] = kind
    with pytest.raises(ConfigurationError, match=f'"function" returns {name}: let it return text'):
        tool()(function)


@pytest.mark.parametrize(
    "kind", [str, Found, str | None, Annotated[str, "words"], Literal["a"], object, Any, int | Found]
)
def test_a_tool_may_return_what_can_be_text(kind: object) -> None:
    async def function(value: int) -> Any:
        """Double."""
        return 2 * value

    function.__annotations__["return"] = kind
    assert tool()(function).name == "function"


def test_a_type_that_is_not_known_is_named() -> None:
    with pytest.raises(ConfigurationError, match='the type "Missing" is not known'):

        @tool()
        async def unknown(value: Missing) -> str:  # type: ignore[name-defined]  # noqa: F821  # under test
            """Say."""
            return str(value)


@pytest.mark.parametrize("name", ["", "Camel", "with space", "1st", "x" * 65])
def test_names_are_snake_case_and_at_most_64_characters(name: str) -> None:
    async def function(text: str) -> str:
        """Say."""
        return text

    function.__name__ = name
    with pytest.raises(ConfigurationError, match="snake_case"):
        tool()(function)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_each_tool_has_a_real_timeout(seconds: float) -> None:
    async def function(text: str) -> str:
        """Say."""
        return text

    with pytest.raises(ConfigurationError, match="timeout_seconds"):
        tool(timeout_seconds=seconds)(function)


@pytest.mark.parametrize("cost", [0.1, Decimal(-1), Decimal("NaN")])
def test_the_cost_is_a_decimal_not_below_zero(cost: Decimal) -> None:
    async def function(text: str) -> str:
        """Say."""
        return text

    with pytest.raises(ConfigurationError, match="cost_dollars"):
        tool(cost_dollars=cost)(function)


@pytest.mark.parametrize(
    ("option", "hint"),
    [("keyword", r"did you mean keywords\?"), ("xyz", "it takes timeout_seconds, cost_dollars")],
)
def test_an_unknown_option_is_named_with_the_one_that_was_probably_meant(option: str, hint: str) -> None:
    async def function(text: str) -> str:
        """Say."""
        return text

    options: dict[str, Any] = {option: ("bmi",)}
    with pytest.raises(ConfigurationError, match=f'Tool "function": @tool has no option {option}: {hint}'):
        tool(**options)(function)
