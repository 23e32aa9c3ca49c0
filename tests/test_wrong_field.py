"""The reasons why fields are wrong: each is a sentence with its field, and in none is what was given."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vital_shared.wrong_field import WrongField, field_sentence


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    pages: int = Field(1, ge=1, le=4)
    weight: float = Field(1.0, gt=0.0, lt=2.5)
    dollars: Decimal = Field(Decimal(1), max_digits=6, decimal_places=2)
    name: str = Field("a", min_length=1, max_length=5)
    kind: Literal["a", "b"] = "a"
    parts: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    is_urgent: bool = False
    due: date | None = None
    sent_at: datetime | None = None
    id: UUID | None = None
    network: IPv4Network | IPv6Network | None = None
    day: str = "1"

    @field_validator("day")
    @classmethod
    def _day(cls, day: str) -> str:
        if day == "never":
            raise ValueError("write a day of the month")
        if not day.isdecimal():
            raise ValueError("must be a day of the month")
        return day


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"pages": 7}, "pages must not be above 4"),
        ({"pages": 0}, "pages must not be below 1"),
        ({"pages": "many"}, "pages must be a whole number"),
        ({"pages": 1.5}, "pages must be a whole number"),
        ({"pages": []}, "pages must be a whole number"),
        ({"due": "soon"}, "due must be a date, such as 2026-05-01"),
        ({"due": "2026-05-01T12:00:00"}, "due must be a date, such as 2026-05-01"),
        ({"sent_at": "2026-13-01"}, "sent_at must be a date and a time, such as 2026-05-01T12:00:00Z"),
        ({"id": "7"}, "id must be a UUID"),
        ({"network": "10.0.0.0/33"}, "network must be a network, such as 10.0.0.0/8 or fd00::/8"),
        ({"weight": 0}, "weight must be above 0"),
        ({"weight": 3}, "weight must be below 2.5"),
        ({"weight": "heavy"}, "weight must be a number"),
        ({"weight": math.nan}, "weight must be a finite number"),
        ({"dollars": "lots"}, "dollars must be a number"),
        ({"dollars": []}, "dollars must be a number"),
        ({"dollars": "1.234"}, "dollars must not have more than 2 decimal places"),
        ({"dollars": "1234567"}, "dollars must have no more than 6 digits in total"),
        ({"name": ""}, "name must not be shorter than 1 character"),
        ({"name": "abcdef"}, "name must not be longer than 5 characters"),
        ({"name": 1}, "name must be text"),
        ({"kind": "c"}, "kind must be one of 'a' or 'b'"),
        ({"parts": []}, "parts must not have fewer than 1 item"),
        ({"parts": [1, 2, 3]}, "parts must not have more than 2 items"),
        ({"parts": "one"}, "parts must be a list"),
        ({"parts": [1, "x"]}, "parts.1 must be a whole number"),
        ({"is_urgent": "perhaps"}, "is_urgent must be true or false"),
        ({"colour": "red"}, "colour is not known here: leave it out"),
        ({"day": "soon"}, "day must be a day of the month"),
        ({"day": "never"}, "day: write a day of the month"),
    ],
)
def test_each_reason_is_a_sentence_with_its_field(given, sentence):
    with pytest.raises(ValidationError) as raised:
        Order.model_validate(given)
    assert WrongField.first(raised.value).sentence == sentence


def test_a_reason_behind_another_name_of_its_field_has_a_subject():
    assert WrongField("pages", "int_type", "must be a whole number").remark == "it must be a whole number"
    assert WrongField("day", "value_error", "write a day").remark == "write a day"


def test_a_rule_about_several_fields_names_them_itself():
    assert WrongField("", "value_error", "to must be after from").sentence == "to must be after from"
    assert field_sentence("The body", "no limit is given") == "The body: no limit is given"
