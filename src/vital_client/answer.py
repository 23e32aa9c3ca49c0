"""An answer, and the events that lead to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from vital_client.errors import RunWithoutAnswer

__all__ = ["RunAnswer", "StreamEvent", "answer_of_run"]

OUTPUTS: Final = frozenset({"run_finished", "run_paused"})
"""Types of the events that carry an answer."""


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """An answer, or the approval or input that a paused run waits for."""

    fields: Mapping[str, Any]
    """All fields of the response, by name."""

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.fields["run_id"])

    @property
    def is_waiting(self) -> bool:
        """Whether the run waits for an approval or for input; `resume` continues it."""
        return bool(self.fields["status"] == "awaiting_approval")

    @property
    def text(self) -> str:
        """The answer's text."""
        return str(self.fields["response"])

    @property
    def result(self) -> Any:
        """The typed result of a workflow that declares one, as JSON."""
        return self.fields["result"]

    @property
    def citations(self) -> Sequence[Mapping[str, Any]]:
        """The passages that the text cites."""
        return tuple(self.fields["citations"])

    @property
    def suggested_tools(self) -> Sequence[Mapping[str, Any]]:
        """The tool calls that wait for approval; each has an ``id``."""
        return tuple(self.fields["suggested_tools"])

    @property
    def required_input(self) -> Sequence[Mapping[str, Any]]:
        """The values that the run waits for."""
        return tuple(self.fields["required_input"])

    @property
    def cost_dollars(self) -> Decimal:
        """The exact cost, in dollars."""
        return Decimal(str(self.fields["cost"]["total"]))

    @property
    def quality_score(self) -> float | None:
        """The quality of the text, from 0 to 1; None if it was not checked."""
        return float(self.fields["quality_score"]) if self.fields["is_assessed"] else None

    @property
    def degradation_reasons(self) -> Sequence[str]:
        """The reasons why the answer is degraded; empty: it is not."""
        return tuple(self.fields["degradation_reasons"])

    @property
    def is_from_cache(self) -> bool:
        """Whether the answer came from the cache."""
        return bool(self.fields["cache_status"] == "hit")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event of a run."""

    fields: Mapping[str, Any]
    """All fields of the event, by name; they depend on the type."""

    @property
    def type(self) -> str:
        """The kind of event, such as ``token`` or ``node_finished``."""
        return str(self.fields["type"])

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.fields["run_id"])

    @property
    def seq(self) -> int:
        """The number of the event: 1 for the first event of a run, and so on."""
        return int(self.fields["seq"])

    @property
    def text(self) -> str:
        """The piece of the answer; empty if the event has none."""
        return str(self.fields["text"]) if self.type == "token" else ""

    @property
    def answer(self) -> RunAnswer | None:
        """The answer, if this is the last event of a run or the last one before a pause.

        :raises RunWithoutAnswer: when the run has failed.
        """
        if self.type == "run_failed":
            raise RunWithoutAnswer(
                self.fields["message"],
                run_id=self.run_id,
                error_type=self.fields["error_type"],
                node=self.fields.get("node"),
            )
        return RunAnswer(self.fields["output"]) if self.type in OUTPUTS else None


def answer_of_run(run: Mapping[str, Any]) -> RunAnswer:
    """Return the answer of a stored run that has ended, or the approval or input that it waits for.

    :raises RunWithoutAnswer: when the run has ended without an answer.
    """
    if run["error"] is not None:
        error = run["error"]
        raise RunWithoutAnswer(
            error["message"], run_id=run["id"], error_type=error["type"], node=error.get("node")
        )
    if run["output"] is None:
        status = run["status"]
        raise RunWithoutAnswer(
            f"The run has ended without an answer: {status}.", run_id=run["id"], error_type=status
        )
    return RunAnswer(run["output"])
