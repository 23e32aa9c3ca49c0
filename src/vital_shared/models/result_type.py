"""The type parameter of typed results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typing_extensions import TypeVar

__all__ = ["FinalResult", "ResultT"]

if TYPE_CHECKING:
    ResultT = TypeVar("ResultT", default=None)
    FinalResult = Annotated[ResultT, "None until the run is completed"]
else:  # an output that does not name its type, such as a stored one, may hold any result
    ResultT = TypeVar("ResultT", default=Any)
    FinalResult = ResultT | None
