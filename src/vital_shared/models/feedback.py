"""Feedback: what people, or programs, think of an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import Id

__all__ = ["Feedback", "FeedbackFilter", "FeedbackInput", "FeedbackKind", "FeedbackList", "FeedbackRating"]

FeedbackKind = Literal["boolean", "number", "text", "correction"]
FeedbackRating = Literal["positive", "negative", "none"]
"""The meaning of a boolean; ``none`` for the other kinds."""

FeedbackFilter = Literal["any", "none", "positive", "negative", "correction"]

MAX_TEXT_CHARACTERS: Final = 20_000
MAX_COMMENT_CHARACTERS: Final = 2_000

_TYPES: Final[dict[FeedbackKind, tuple[type, ...]]] = {
    "boolean": (bool,),
    "number": (int, float),
    "text": (str,),
    "correction": (str,),
}

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]


class FeedbackInput(Frozen):
    """One rating of a run; a later one by the same user replaces it."""

    kind: FeedbackKind
    """``boolean``: whether it was good; ``number``: a score of your own; ``text``: remarks;
    ``correction``: the answer as it should have been."""

    value: bool | Number | Text
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = ""
    """The aspect that is judged, such as ``tone``; empty: the answer as a whole."""

    comment: Annotated[str, StringConstraints(max_length=MAX_COMMENT_CHARACTERS)] = ""
    user_id: Id | None = None
    """The person; None: the user of the run."""

    @model_validator(mode="after")
    def _value_is_of_kind(self) -> Self:
        is_bool = isinstance(self.value, bool)
        if is_bool != (self.kind == "boolean") or not isinstance(self.value, _TYPES[self.kind]):
            wanted = {"boolean": "true or false", "number": "a number"}.get(self.kind, "text")
            raise ValueError(f"value has to be {wanted} for the kind {self.kind}")
        return self

    @property
    def rating(self) -> FeedbackRating:
        """The meaning of a boolean."""
        if self.kind != "boolean":
            return "none"
        return "positive" if self.value else "negative"


class Feedback(Frozen):
    """Feedback, as it is stored."""

    run_id: str
    user_id: str
    kind: FeedbackKind
    name: str
    value: bool | float | str
    comment: str
    created_at: datetime
    updated_at: datetime


class FeedbackList(Frozen):
    """Feedback on a run, the oldest first."""

    feedback: tuple[Feedback, ...]
