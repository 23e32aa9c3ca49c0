"""The key of an item or a round: the same in every process for equal values, and another for others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from vital_shared.graph import part_key


class Colour(Enum):
    RED = 1


class Model(BaseModel):
    name: str
    hidden: str = Field(default="", exclude=True)
    _private: int = PrivateAttr(default=0)


class OtherModel(BaseModel):
    name: str
    hidden: str = ""


@dataclass(frozen=True)
class Point:
    x: int
    y: int


VALUES: list[Any] = [
    None,
    "",
    "a",
    b"a",
    1,
    1.0,
    True,
    Decimal("1.0"),
    Decimal("1.00"),
    float("nan"),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1),  # noqa: DTZ001 - a value without a zone is another one
    Colour.RED,
    Path("a"),
    (),
    [],
    ("a", "b"),
    ("ab",),
    (("a",), "b"),
    ("a", ("b",)),
    {"a": "b"},
    {"b": "a"},
    {"a", "b"},
    frozenset({"a", "b"}),
    Model(name="a"),
    Model(name="a", hidden="b"),
    OtherModel(name="a"),
    Point(1, 2),
    Point(2, 1),
    "a half \ud800",
]


def test_no_two_values_have_one_key() -> None:
    keys = [part_key(value) for value in VALUES]
    assert None not in keys
    assert len(set(keys)) == len(VALUES)


def test_equal_values_have_one_key() -> None:
    assert part_key(Model(name="a")) == part_key(Model.model_validate_json('{"name": "a"}'))
    assert part_key(Point(1, 2)) == part_key(Point(1, 2))


def test_other_private_fields_are_another_value() -> None:
    other = Model(name="a")
    other._private = 1
    assert part_key(other) != part_key(Model(name="a"))


def test_a_key_is_the_same_in_a_process_that_hashes_otherwise() -> None:
    code = "from vital_shared.graph import part_key; print(part_key({'a', 'b', 'c', ('d', 1)}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {f"{part_key({'a', 'b', 'c', ('d', 1)})}\n".encode()}


def _nested() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize("value", [object(), SecretStr("a"), (1, [object()]), lambda: 1, _nested(), Point])
def test_what_is_neither_data_nor_a_model_has_no_key(value: Any) -> None:
    assert part_key(value) is None
