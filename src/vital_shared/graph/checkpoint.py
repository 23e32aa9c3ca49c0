"""The state of a paused or interrupted run, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from vital_shared.graph.errors import CheckpointError
from vital_shared.graph.outcome import Degradation, NodeStatus, Span
from vital_shared.graph.plan import Plan

__all__ = ["Checkpoint"]


class Checkpoint(BaseModel):
    """The values written so far; resuming from it computes the missing ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    fingerprint: str
    """Fingerprint of the plan; only a plan with the same one can resume from this checkpoint."""
    seconds: float
    """Seconds that the run has run, without waiting time."""
    values: dict[str, Any]
    """The values as JSON, by name."""
    absent: dict[str, NodeStatus]
    """Names of optional nodes that made no value."""
    paused: tuple[str, ...]
    """Names of paused nodes, whose values must come from outside."""
    spans: tuple[Span, ...]
    degradations: tuple[Degradation, ...]

    def with_value(self, name: str, value: Any, plan: Plan) -> Checkpoint:
        """Return the checkpoint with another value, such as one extended by a decision from outside.

        :raises CheckpointError: when the value would not be restored unchanged.
        """
        values = self.values | {name: plan.types.write(name, value)}
        return self.model_copy(update={"values": values})

    def read(self, plan: Plan) -> dict[str, Any]:
        """Return the restored values.

        :raises CheckpointError: when the plan is a different one, or a value does not fit its type.
        """
        if self.fingerprint not in (plan.fingerprint, plan.earlier_fingerprint):
            raise CheckpointError(
                f"graph '{plan.name}' has changed since this run was paused (plan {self.fingerprint}, "
                f"now {plan.fingerprint}): start the run again"
            )
        return {name: plan.types.read(name, stored) for name, stored in self.values.items()}
