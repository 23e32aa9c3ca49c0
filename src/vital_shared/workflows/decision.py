"""A person's decision on a paused run: on its tool calls, and the answers to its nodes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from vital_shared.errors import InvalidRequest
from vital_shared.models.answer import Denial, ToolPlan
from vital_shared.models.lone_surrogate import find_lone_surrogate
from vital_shared.models.run_decision import RunDecision
from vital_shared.models.tool import ToolCall
from vital_shared.tools.registry import ToolRegistry
from vital_shared.workflows.approval import TOO_DEAR, within_limit

__all__ = ["MAX_REASON_CHARACTERS", "Decision", "ToolDecision"]

MAX_REASON_CHARACTERS: Final = 1_000
"""Characters of a denial's reason: the model reads it, and the user is shown it."""


_USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}")
"""The pattern of a user's id, as `WorkflowInput` has it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on everything that a run waits for."""

    approved: Collection[str] | Literal["all"] | None = ()
    """The ids of the calls to make, or all that are not denied; None: nothing was decided about calls."""
    edited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other arguments for calls, by id: these calls are approved with them."""
    denied: Mapping[str, str] = field(default_factory=dict)
    """The reasons of calls that are denied, by id; what is not named at all is denied without one."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """The values of paused nodes, by the value's name."""
    user_id: str | None = None
    """The person who decides."""
    key_id: str | None = None
    """The id of the API key of its request."""

    def __post_init__(self) -> None:
        if not isinstance(self.answers, Mapping):
            raise InvalidRequest(
                'answers names each node that waits, with its answer, as in {"verdict": "yes"}.',
                field="answers",
            )
        if self.user_id is not None and not _USER.fullmatch(self.user_id):
            raise InvalidRequest(
                "user_id is 1 to 128 letters, digits and _ . : @ -, and begins with one of the first two.",
                field="user_id",
            )

    def on_tools(self, plan: ToolPlan, tools: ToolRegistry, limit_dollars: Decimal | None) -> ToolDecision:
        """Decide on the suggested calls.

        :raises InvalidRequest: when an id was not suggested or is named twice, or arguments do not fit.
        """
        suggested = {call.id: call for call in plan.suggested}
        self._check_ids(suggested)
        wanted = {
            call.id: self._edited(call, tools)
            for call in plan.suggested
            if call.id in self.edited or self._approves(call.id)
        }
        calls = within_limit(limit_dollars, [*plan.approved, *wanted.values()])[0]
        made = {call.id for call in calls}
        denials = [
            Denial(id=name, reason=f"the user did not approve it: {why}") for name, why in self._reasons()
        ]
        denials += [Denial(id=name, reason=TOO_DEAR) for name in wanted if name not in made]
        return ToolDecision(calls, plan.model_copy(update={"denials": tuple(denials)}), wanted)

    def refuse_ids(self) -> None:
        """See that no calls are named, where none wait.

        :raises InvalidRequest: when one is.
        """
        for place, _ in self._named():
            raise InvalidRequest(
                "No tool call waits for approval in this run: leave out approved, edited and denied.",
                field=place,
            )

    def record(
        self, decided: ToolDecision | None, answers: Mapping[str, Any], at: datetime
    ) -> tuple[RunDecision, ...]:
        """Return the decision as it is stored.

        :param answers: the checked answers, as JSON has them.
        """
        by: dict[str, Any] = {"at": at, "user_id": self.user_id, "key_id": self.key_id}
        calls = () if decided is None else decided.plan.suggested
        found = [self._on_call(call, decided.wanted, by) for call in calls if decided is not None]
        found += [
            RunDecision(kind="answered", subject=name, answer=answer, **by)
            for name, answer in answers.items()
        ]
        return tuple(found)

    def _on_call(self, call: ToolCall, wanted: Mapping[str, ToolCall], by: dict[str, Any]) -> RunDecision:
        details: dict[str, Any] = {"subject": call.id, "tool": call.name, "arguments": call.arguments} | by
        if call.id not in wanted:
            return RunDecision(kind="denied", reason=self.denied.get(call.id) or None, **details)
        if call.id not in self.edited:
            return RunDecision(kind="approved", **details)
        details |= {"arguments": wanted[call.id].arguments, "suggested_arguments": call.arguments}
        return RunDecision(kind="edited", **details)

    def _approves(self, identifier: str) -> bool:
        if self.approved == "all":
            return identifier not in self.denied
        return identifier in (self.approved or ())

    def _check_ids(self, suggested: Mapping[str, ToolCall]) -> None:
        if self.approved is None and not self.edited and not self.denied:
            raise InvalidRequest(
                f"The run waits for a decision on the tool calls {', '.join(suggested)}: "
                "pass approved, edited or denied.",
                field="approved",
            )
        for place, identifier in self._named():
            if identifier not in suggested:
                raise InvalidRequest(
                    f'There is no suggested tool call "{identifier}"; suggested are: '
                    f"{', '.join(sorted(suggested))}.",
                    field=place,
                )
            if place != "denied" and identifier in self.denied:
                raise InvalidRequest(
                    f'The tool call "{identifier}" is both approved and denied: name it once.', field="denied"
                )

    def _named(self) -> Iterator[tuple[str, str]]:
        """Return the ids that the decision names, each after its field."""
        approved = () if self.approved is None or self.approved == "all" else self.approved
        for place, ids in (("approved", approved), ("edited", self.edited), ("denied", self.denied)):
            for identifier in ids:
                yield place, identifier

    def _edited(self, call: ToolCall, tools: ToolRegistry) -> ToolCall:
        """Return the call with the arguments that it is to be made with, which are data and nothing else."""
        arguments = self.edited.get(call.id)
        if arguments is None:
            return call
        try:
            tools.validate(call.name, arguments)
        except InvalidRequest as error:
            place = (error.field or "").removeprefix("requested_tools").removeprefix(f".{call.name}")
            raise InvalidRequest(error.message, field=f"edited.{call.id}{place}") from error
        return ToolCall(
            id=call.id,
            name=call.name,
            arguments=dict(arguments),
            reason=call.reason,
            cost_dollars=tools.get(call.name).cost_dollars,
            requires_approval=call.requires_approval,
        )

    def _reasons(self) -> Iterator[tuple[str, str]]:
        for identifier, reason in self.denied.items():
            if len(reason) > MAX_REASON_CHARACTERS or find_lone_surrogate(reason) is not None:
                raise InvalidRequest(
                    f"The reason of a denial is text of at most {MAX_REASON_CHARACTERS:,} characters.",
                    field=f"denied.{identifier}",
                )
            if reason.strip():
                yield identifier, reason.strip()


@dataclass(frozen=True, slots=True)
class ToolDecision:
    """A decision on the tool calls of a run."""

    calls: Sequence[ToolCall]
    """All calls to make, those that needed no approval too."""
    plan: ToolPlan
    """The plan with the reasons of what is not made."""
    wanted: Mapping[str, ToolCall]
    """The suggested calls that are approved, by id, with the arguments that they are to be made with."""
