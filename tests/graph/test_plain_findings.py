"""A value of a wrong type is explained without the words of pydantic's users."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from vital_shared.graph import AnswerError, CheckpointError, Graph, Pause, node


class Dose(BaseModel):
    model_config = ConfigDict(extra="forbid")

    milligrams: int = Field(ge=1)
    drug: str = "aspirin"

    @field_validator("drug")
    @classmethod
    def _check(cls, drug: str) -> str:
        if drug == "water":
            raise ValueError("water is no drug")
        return drug


class Prescribes(Graph):
    @node(pauses=True)
    async def dose(self) -> Dose:
        raise Pause


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({}, ", at milligrams: it is missing"),
        ({"milligrams": "5"}, ", at milligrams: it must be a valid integer"),
        ({"milligrams": 0}, ", at milligrams: it must be greater than or equal to 1"),
        ({"milligrams": 1, "much": True}, ", at much: it is not a field of this type"),
        ({"milligrams": 1, "drug": "water"}, ", at drug: water is no drug"),
        ("five", ": it must be an object"),
    ],
)
def test_an_answer_of_a_wrong_type_is_explained_in_plain_words(given: Any, finding: str):
    with pytest.raises(AnswerError) as refused:
        Prescribes.plan.types.answer("dose", given)
    assert str(refused.value) == f"the answer 'dose' is not of the type that its node declares{finding}"


def test_a_value_of_a_wrong_type_is_explained_in_plain_words():
    wrong: Any = Dose.model_construct(milligrams="five")
    with pytest.raises(CheckpointError) as refused:
        Prescribes.plan.types.write("dose", wrong)
    assert "should" not in str(refused.value)
