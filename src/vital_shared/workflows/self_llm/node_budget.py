"""The money for the calls that a node makes itself: checked and held before a call goes out.

Three bounds hold for each call: what its node declares (``max_cost_dollars``), what the run may cost
(`WorkflowInput.max_cost_dollars`), and the tenant's budget. The declared bounds of all nodes are reserved
before the run starts; what a node spends that declares none is reserved call by call.
"""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.billing.run_context import RoundNode, current_node
from vital_shared.errors import CostLimitExceeded
from vital_shared.graph import Node
from vital_shared.llm.base import Model, ModelRequest
from vital_shared.models.money import nanos_at_most, to_dollars
from vital_shared.models.usage_limits import ModelUse
from vital_shared.workflows.model_selection import MIN_ANSWER_TOKENS
from vital_shared.workflows.self_llm.call_budget import UNKNOWN_COST_NANOS, Bounded, CallBudget
from vital_shared.workflows.self_llm.current_run import CurrentRun

__all__ = ["LlmBudget"]


class LlmBudget(CallBudget):
    """The money of one call of `self.llm`, over all its rounds.

    :param run: the run.
    :param node: the node that calls; within a loop the loop, whose nodes each have an account for each round.
    :param asked_tokens: the longest answer that the node asks for; None: it leaves that to the money.
    """

    def __init__(self, run: CurrentRun, node: Node, asked_tokens: int | None) -> None:
        asking, account = _asking(node)
        super().__init__(run.services, run.context, account, asked_tokens=asked_tokens)
        declared = asking.declaration.max_cost_dollars
        self._declared = None if declared is None else nanos_at_most(declared)
        self._reserves = run.context.reserves and declared is None
        self._uses: dict[str, ModelUse] = {}

    async def models(self, models: Sequence[Model], request: ModelRequest) -> Sequence[Model]:
        """Return the models that a round may ask, and hold the money for it.

        :raises CostLimitExceeded: when none of them may be.
        :raises BudgetExceeded: when the tenant's budget does not allow it.
        """
        self.release()
        if self._declared is None and self._limit is None and not self._reserves and not self.is_limited:
            return models
        tokens = await self._count(request)
        chosen = self._choose(models, tokens)
        if self.is_limited:
            self._hold_uses(chosen)
        await self.hold(sum(each.nanos for each in chosen))
        return [each.model for each in chosen]

    async def hold(self, nanos: int) -> None:
        """Hold money, as `CallBudget` does, and reserve it where the node declares no bound.

        :raises BudgetExceeded: when a budget does not allow it.
        :raises UsageLimited: when a limit of tokens, or of a minute, does not.
        """
        await super().hold(nanos)
        if self._reserves or self.is_limited:
            is_declared = self._declared is not None
            try:
                await self._context.reserve(self._account, nanos, is_declared=is_declared)
            except BaseException:
                self.release()
                raise

    def release(self) -> None:
        """Let go of what is held: what was used of it is charged by now."""
        super().release()
        for model, use in self._uses.items():
            self._context.hold_use(model, ModelUse(-use.nanos, -use.tokens))
        self._uses.clear()

    def _hold_uses(self, chosen: Sequence[Bounded]) -> None:
        for each in chosen:
            use = ModelUse(each.nanos, each.tokens)
            self._uses[each.model.name] = use
            self._context.hold_use(each.model.name, use)

    def _room(self) -> int | None:
        """Return what the node may still spend, in nano-dollars; None: there is no limit but the tenant's."""
        left = super()._room()
        if self._declared is None:
            return left
        context, account = self._context, self._account
        own = max(0, self._declared - context.account_nanos(account) - context.held_nanos.get(account, 0))
        return own if left is None else min(own, left)

    def _choose(self, models: Sequence[Model], tokens: int) -> Sequence[Bounded]:
        """Take the models, in their order, as far as the money reaches for all that are taken."""
        room, nanos = self._room(), 0
        chosen: list[Bounded] = []
        for model in models:
            left = None if room is None else room - nanos
            bounded = self._bounded(model, tokens, left)
            if bounded is not None:
                chosen.append(bounded)
                nanos += bounded.nanos
        if not chosen:
            raise self._too_dear(models[0], tokens, room or 0)
        return chosen

    def _too_dear(self, model: Model, tokens: int, room: int) -> CostLimitExceeded:
        needed = self._nanos(model, tokens, self._asked_tokens or MIN_ANSWER_TOKENS) or UNKNOWN_COST_NANOS
        return CostLimitExceeded(
            node=self._account,
            model=model.name,
            needed_dollars=to_dollars(needed),
            left_dollars=to_dollars(room),
        )


def _asking(node: Node) -> tuple[Node, str]:
    """Return the node whose bound holds, and its account."""
    current = current_node.get()
    return (current.node, current.account) if isinstance(current, RoundNode) else (node, node.name)
