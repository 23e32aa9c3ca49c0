"""The money for the calls of models under way: what they may cost is held, so that no other call has it too.

The built-in nodes and `self.llm` hold it alike, for the limit of the run (`WorkflowInput.max_cost_dollars`).
A call may cost at most its whole prompt, as if it were written to the provider's cache, and its longest
answer.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from typing import Final, NamedTuple

from vital_shared.billing.run_context import RunContext
from vital_shared.llm.base import Model, ModelRequest
from vital_shared.llm.prompts.prompt import Prompts
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import nanos_at_most, to_dollars
from vital_shared.workflows.model_selection import DEFAULT_MAX_OUTPUT_TOKENS, MIN_ANSWER_TOKENS, TokenCapped
from vital_shared.workflows.services import Services

__all__ = ["UNKNOWN_COST_NANOS", "CallBudget"]

QUICK_CHARACTERS: Final = 4_000
"""A longer prompt is counted in a thread."""

UNKNOWN_COST_NANOS: Final = 1
"""The bound of a call whose price nobody knows: it needs a budget that is not used up."""


class Bounded(NamedTuple):
    """A model that may be asked, and the most that this may cost, in nano-dollars."""

    model: Model
    nanos: int
    tokens: int
    """The most that it may read and write."""


class CallBudget:
    """The money of the calls that one node makes for one purpose.

    :param services: know the prices.
    :param context: holds the money.
    :param account: the name of the node that calls; in a loop, that of its line.
    :param limit: the limit that the node's input names, in dollars; that of the run holds in any case.
    :param asked_tokens: the longest answer that is asked for; None: as long as the money allows.
    """

    def __init__(
        self,
        services: Services,
        context: RunContext,
        account: str,
        limit: Decimal | None = None,
        asked_tokens: int | None = None,
    ) -> None:
        self._services = services
        self._context = context
        self._account = account
        self._asked_tokens = asked_tokens
        self._held = 0
        limits = [each for each in (limit, context.request.max_cost_dollars) if each is not None]
        self._limit = nanos_at_most(min(limits)) if limits else None

    @property
    def is_limited(self) -> bool:
        """Whether there are limits above the run that hold for tokens, or for one model."""
        return self._context.reserves and self._context.is_limited

    async def hold(self, nanos: int) -> None:
        """Hold money until `release`."""
        self._hold(nanos)

    def hold_price(self, nanos: int) -> bool:
        """Hold a price until `release`, and return whether as much is left."""
        room = self._room()
        if room is not None and nanos > room:
            return False
        self._hold(nanos)
        return True

    def release(self) -> None:
        """Let go of what is held: what was spent of it is charged by now."""
        self._hold(-self._held)

    def left(self) -> Decimal | None:
        """Let go of what is held, and return the dollars that may still be spent; None: nothing says."""
        self.release()
        room = self._room()
        return None if room is None else to_dollars(room)

    def _hold(self, nanos: int) -> None:
        self._held += nanos
        self._context.hold(self._account, nanos)

    def _room(self) -> int | None:
        """Return what may still be spent, in nano-dollars; None: the run has no limit."""
        if self._limit is None:
            return None
        return max(0, self._limit - self._context.nanos() - sum(self._context.held_nanos.values()))

    async def _count(self, request: ModelRequest) -> int:
        """Count the tokens that a prompt has at most."""
        prompts = Prompts(self._services.account.count_at_most, sys.maxsize)
        if sum(len(each.content) for each in request.messages) <= QUICK_CHARACTERS and not request.exchanges:
            return prompts.render(request).input_tokens
        return (await asyncio.to_thread(prompts.render, request)).input_tokens

    def _bounded(self, model: Model, tokens: int, left: int | None) -> Bounded | None:
        """Return the model with the longest answer that the money buys; None: it buys too short a one."""
        longest = self._longest(model)
        full = self._nanos(model, tokens, longest)
        capped = TokenCapped(model, longest) if full or self.is_limited else model
        if full is None:
            return None if left == 0 else Bounded(capped, UNKNOWN_COST_NANOS, tokens + longest)
        if left is None or full <= left:
            return Bounded(capped, full, tokens + longest)
        if self._asked_tokens is not None:
            return None
        reading = self._nanos(model, tokens, 0) or 0
        bought = (left - reading) * longest // max(1, full - reading)
        if bought < min(MIN_ANSWER_TOKENS, longest):
            return None
        return Bounded(TokenCapped(model, bought), self._nanos(model, tokens, bought) or 0, tokens + bought)

    def _longest(self, model: Model) -> int:
        table = self._services.models.table(model.name)
        return self._asked_tokens or table.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS

    def _nanos(self, model: Model, tokens: int, output: int) -> int | None:
        """Return the most that a call costs, in nano-dollars; None: nobody knows its price."""
        account = self._services.account
        dearest = 0
        for written, reasoning in ((0, 0), (tokens, 0), (0, output), (tokens, output)):
            whole = Tokens(input=tokens, cache_write=written, output=output, reasoning=reasoning)
            rates = account.rates(model.name, whole)
            if rates is None:
                return None
            dearest = max(dearest, rates.nanos(whole))
        return dearest
