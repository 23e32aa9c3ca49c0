"""The money for the calls that a node makes itself: checked and held before a call goes out.

Three bounds hold for each call: what its node declares (``max_cost_dollars``), what the run may cost
(`WorkflowInput.max_cost_dollars`), and the tenant's budget. The declared bounds of all nodes are reserved
before the run starts; what a node spends that declares none is reserved call by call. A call may cost at most
its whole prompt, as if it were written to the provider's cache, and its longest answer, for each model that
may be asked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from vital_shared.errors import CostLimitExceeded
from vital_shared.graph import Node
from vital_shared.llm.base import Model, ModelRequest
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import nanos_at_most, to_dollars
from vital_shared.workflows.current_run import CurrentRun
from vital_shared.workflows.model_selection import DEFAULT_MAX_OUTPUT_TOKENS, MIN_ANSWER_TOKENS, TokenCapped

__all__ = ["LlmBudget"]

QUICK_CHARACTERS: Final = 4_000
"""A longer prompt is counted in a thread."""

UNKNOWN_COST_NANOS: Final = 1
"""The bound of a call whose price nobody knows: it needs a budget that is not used up."""


class _Bounded(NamedTuple):
    """A model that may be asked, and the most that this may cost, in nano-dollars."""

    model: Model
    nanos: int


class LlmBudget:
    """The money of one call of `self.llm`, over all its rounds.

    :param run: the run.
    :param node: the node that calls.
    :param asked_tokens: the longest answer that the node asks for; None: it leaves that to the money.
    """

    def __init__(self, run: CurrentRun, node: Node, asked_tokens: int | None) -> None:
        self._run = run
        self._node = node
        self._asked_tokens = asked_tokens
        self._held = 0
        declared = node.declaration.max_cost_dollars
        self._declared = None if declared is None else nanos_at_most(declared)
        limit = run.context.request.max_cost_dollars
        self._limit = None if limit is None else nanos_at_most(limit)
        self._reserves = run.context.reserves and declared is None

    @property
    def dollars(self) -> Decimal | None:
        """The most that the node may still spend; None: nothing says."""
        room = self._room()
        return None if room is None else to_dollars(room)

    async def models(self, models: Sequence[Model], request: ModelRequest) -> Sequence[Model]:
        """Return the models that a round may ask, and hold the money for it.

        :raises CostLimitExceeded: when none of them may be.
        :raises BudgetExceeded: when the tenant's budget does not allow it.
        """
        self.release()
        if self._declared is None and self._limit is None and not self._reserves:
            return models
        tokens = await self._count(request)
        chosen, nanos = self._choose(models, tokens)
        await self.hold(nanos)
        return chosen

    async def hold(self, nanos: int) -> None:
        """Hold money until `release`, and reserve it where the node declares no bound.

        :raises BudgetExceeded: when the tenant's budget does not allow it.
        """
        self._held += nanos
        self._run.context.hold(self._node.name, nanos)
        if self._reserves:
            try:
                await self._run.context.reserve(self._node.name, nanos)
            except BaseException:
                self.release()
                raise

    def release(self) -> None:
        """Let go of what is held: what was spent of it is charged by now."""
        self._run.context.hold(self._node.name, -self._held)
        self._held = 0

    def _room(self) -> int | None:
        """Return what the node may still spend, in nano-dollars; None: there is no limit but the tenant's."""
        context, name = self._run.context, self._node.name
        rooms = []
        if self._declared is not None:
            rooms.append(self._declared - context.node_nanos(name) - context.held_nanos.get(name, 0))
        if self._limit is not None:
            rooms.append(self._limit - context.nanos() - sum(context.held_nanos.values()))
        return max(0, min(rooms)) if rooms else None

    async def _count(self, request: ModelRequest) -> int:
        """Count the tokens that a prompt has at most."""
        prompts = Prompts(self._run.services.account.count_at_most, sys.maxsize)
        if sum(len(each.content) for each in request.messages) <= QUICK_CHARACTERS and not request.exchanges:
            return prompts.render(request).input_tokens
        return (await asyncio.to_thread(prompts.render, request)).input_tokens

    def _choose(self, models: Sequence[Model], tokens: int) -> tuple[Sequence[Model], int]:
        """Take the models, in their order, as far as the money reaches for all that are taken."""
        room, nanos = self._room(), 0
        chosen: list[Model] = []
        for model in models:
            left = None if room is None else room - nanos
            bounded = self._bounded(model, tokens, left)
            if bounded is not None:
                chosen.append(bounded.model)
                nanos += bounded.nanos
        if not chosen:
            raise self._too_dear(models[0], tokens, room or 0)
        return chosen, nanos

    def _bounded(self, model: Model, tokens: int, left: int | None) -> _Bounded | None:
        """Return the model with the longest answer that the money buys; None: it buys too short a one."""
        longest = self._longest(model)
        full = self._nanos(model, tokens, longest)
        if full is None:
            return None if left == 0 else _Bounded(model, UNKNOWN_COST_NANOS)
        if left is None or full <= left:
            return _Bounded(TokenCapped(model, longest) if full else model, full)
        if self._asked_tokens is not None:
            return None
        reading = self._nanos(model, tokens, 0) or 0
        bought = (left - reading) * longest // max(1, full - reading)
        if bought < min(MIN_ANSWER_TOKENS, longest):
            return None
        return _Bounded(TokenCapped(model, bought), self._nanos(model, tokens, bought) or 0)

    def _longest(self, model: Model) -> int:
        table = self._run.services.models.table(model.name)
        return self._asked_tokens or table.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS

    def _nanos(self, model: Model, tokens: int, output: int) -> int | None:
        """Return the most that a call costs, in nano-dollars; None: nobody knows its price."""
        account = self._run.services.account
        dearest = 0
        for written, reasoning in ((0, 0), (tokens, 0), (0, output), (tokens, output)):
            whole = Tokens(input=tokens, cache_write=written, output=output, reasoning=reasoning)
            rates = account.rates(model.name, whole)
            if rates is None:
                return None
            dearest = max(dearest, rates.nanos(whole))
        return dearest

    def _too_dear(self, model: Model, tokens: int, room: int) -> CostLimitExceeded:
        needed = self._nanos(model, tokens, self._asked_tokens or MIN_ANSWER_TOKENS) or UNKNOWN_COST_NANOS
        return CostLimitExceeded(
            node=self._node.name,
            model=model.name,
            needed_dollars=to_dollars(needed),
            left_dollars=to_dollars(room),
        )
