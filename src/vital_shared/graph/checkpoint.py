"""The state of a paused or interrupted run, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from vital_shared.graph.errors import CheckpointError
from vital_shared.graph.outcome import Degradation, NodeStatus, Span
from vital_shared.graph.plan import Plan

__all__ = ["Checkpoint"]


class Checkpoint(BaseModel):
    """The values written so far; going on from it computes what is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    fingerprint: str
    """Fingerprint of the plan; another plan cannot resume from this checkpoint."""
    seconds: float
    """Seconds that the run has run, without waits."""
    values: dict[str, Any]
    """By the value's name, as JSON."""
    absent: dict[str, NodeStatus]
    """Optional nodes that made no value, by node name."""
    paused: tuple[str, ...]
    """Nodes whose values have to come from outside."""
    spans: tuple[Span, ...]
    degradations: tuple[Degradation, ...]

    def with_value(self, name: str, value: Any, plan: Plan) -> Checkpoint:
        """Return the checkpoint with another value, such as one that a decision from outside adds to.

        :raises CheckpointError: when the value would not come back as it is.
        """
        values = self.values | {name: plan.types.write(name, value)}
        return self.model_copy(update={"values": values})

    def read(self, plan: Plan) -> dict[str, Any]:
        """Return the values as they were.

        :raises CheckpointError: when the plan is another one, or a value does not fit its type.
        """
        if self.fingerprint not in (plan.fingerprint, plan.earlier_fingerprint):
            raise CheckpointError(
                f"graph '{plan.name}' has changed since this run was paused (plan {self.fingerprint}, "
                f"now {plan.fingerprint}): start the run again"
            )
        return {name: plan.types.read(name, stored) for name, stored in self.values.items()}
