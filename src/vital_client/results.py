"""Results of the client, each with the full response in `fields`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from vital_client.answer import RunAnswer, answer_of_run

__all__ = [
    "CostGroupTotals",
    "CostSummary",
    "FeedbackEntry",
    "ListedRun",
    "ListedRuns",
    "RunDetails",
    "WorkflowDetails",
]

UNENDED: Final = frozenset({"queued", "running"})
"""Statuses of runs that have not ended and do not wait for a person."""


@dataclass(frozen=True, slots=True)
class _Fields:
    fields: Mapping[str, Any]
    """All fields of the response, by name."""


@dataclass(frozen=True, slots=True)
class RunDetails(_Fields):
    """A stored run."""

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.fields["id"])

    @property
    def status(self) -> str:
        """``running``, ``awaiting_approval``, ``completed``, ``failed``, ``cancelled`` or ``expired``."""
        return str(self.fields["status"])

    @property
    def is_active(self) -> bool:
        """Whether the run is queued or running."""
        return self.status in UNENDED

    @property
    def tenant_id(self) -> str:
        """The tenant."""
        return str(self.fields["tenant_id"])

    @property
    def user_id(self) -> str:
        """The user."""
        return str(self.fields["user_id"])

    @property
    def request(self) -> Mapping[str, Any]:
        """The request that started the run."""
        return dict(self.fields["input"])

    @property
    def created_at(self) -> datetime:
        """The moment at which it was begun, in UTC."""
        return datetime.fromisoformat(self.fields["created_at"])

    @property
    def finished_at(self) -> datetime | None:
        """The time at which the run ended, in UTC; None: it has not ended."""
        return _moment(self.fields["finished_at"])

    @property
    def answer(self) -> RunAnswer | None:
        """The answer, or the approval or input that the run waits for; None while it is active.

        :raises RunWithoutAnswer: when the run has ended without an answer.
        """
        return None if self.is_active else answer_of_run(self.fields)


@dataclass(frozen=True, slots=True)
class ListedRun(_Fields):
    """A run in a list."""

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.fields["id"])

    @property
    def status(self) -> str:
        """The status, as in `RunDetails`, or ``queued``."""
        return str(self.fields["status"])

    @property
    def title(self) -> str:
        """The beginning of the question."""
        return str(self.fields["title"])

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return str(self.fields["workflow"])

    @property
    def model(self) -> str | None:
        """The model that wrote the answer; None: no model did."""
        return _text(self.fields["model"])

    @property
    def created_at(self) -> datetime:
        """The moment at which it was begun, in UTC."""
        return datetime.fromisoformat(self.fields["created_at"])

    @property
    def cost_dollars(self) -> Decimal | None:
        """The exact cost, in dollars; None: it is not known yet."""
        cost = self.fields["cost_dollars"]
        return None if cost is None else Decimal(cost)


@dataclass(frozen=True, slots=True)
class ListedRuns(_Fields):
    """A page of runs, newest first."""

    @property
    def runs(self) -> Sequence[ListedRun]:
        """The runs."""
        return tuple(ListedRun(each) for each in self.fields["runs"])

    @property
    def next_cursor(self) -> str | None:
        """The ``cursor`` of the next page; None: there are no older runs."""
        return _text(self.fields["next_cursor"])

    def __iter__(self) -> Iterator[ListedRun]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.fields["runs"])


@dataclass(frozen=True, slots=True)
class FeedbackEntry(_Fields):
    """A stored feedback entry."""

    @property
    def run_id(self) -> str:
        """The id of the rated run."""
        return str(self.fields["run_id"])

    @property
    def kind(self) -> str:
        """``boolean``, ``number``, ``text`` or ``correction``."""
        return str(self.fields["kind"])

    @property
    def name(self) -> str:
        """The rated aspect; empty: the answer as a whole."""
        return str(self.fields["name"])

    @property
    def value(self) -> bool | float | str:
        """The rating or the text."""
        value: bool | float | str = self.fields["value"]
        return value


@dataclass(frozen=True, slots=True)
class WorkflowDetails(_Fields):
    """A workflow that the engine serves."""

    @property
    def name(self) -> str:
        """The name, for `ask` and `stream`."""
        return str(self.fields["name"])

    @property
    def description(self) -> str:
        """The first paragraph of its documentation."""
        return str(self.fields["description"])

    @property
    def is_default(self) -> bool:
        """Whether it answers requests that name no workflow."""
        return bool(self.fields["is_default"])

    @property
    def modes(self) -> Sequence[str]:
        """The modes that it serves."""
        return tuple(self.fields["modes"])

    @property
    def input_schema(self) -> Mapping[str, Any]:
        """The JSON schema of a request."""
        return dict(self.fields["input_schema"])

    @property
    def result_schema(self) -> Mapping[str, Any] | None:
        """The JSON schema of `RunAnswer.result`; None: the workflow declares none."""
        schema = self.fields["result_schema"]
        return None if schema is None else dict(schema)


@dataclass(frozen=True, slots=True)
class CostGroupTotals(_Fields):
    """Totals of a part of the ledger."""

    @property
    def group(self) -> Mapping[str, str | None]:
        """The values that define the group, by grouping key; empty: everything."""
        return dict(self.fields.get("group", {}))

    @property
    def cost_dollars(self) -> Decimal:
        """The exact cost, in dollars."""
        return Decimal(self.fields["cost_dollars"])

    @property
    def saved_dollars(self) -> Decimal:
        """The cost that cached answers saved, in dollars."""
        return Decimal(self.fields["saved_dollars"])

    @property
    def calls(self) -> int:
        """The number of calls of models, tools and sources."""
        return int(self.fields["calls"])

    @property
    def input_tokens(self) -> int:
        """The number of input tokens, including cached ones."""
        return int(self.fields["input_tokens"])

    @property
    def output_tokens(self) -> int:
        """The number of output tokens, including reasoning."""
        return int(self.fields["output_tokens"])


@dataclass(frozen=True, slots=True)
class CostSummary(_Fields):
    """Costs by group."""

    @property
    def lines(self) -> Sequence[CostGroupTotals]:
        """The groups, sorted."""
        return tuple(CostGroupTotals(each) for each in self.fields["lines"])

    @property
    def total(self) -> CostGroupTotals:
        """The totals of all groups."""
        return CostGroupTotals(self.fields["total"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
