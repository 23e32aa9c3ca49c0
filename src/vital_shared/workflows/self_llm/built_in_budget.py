"""The money for the calls of the built-in nodes, within the limit of their run."""

from __future__ import annotations

from collections.abc import Sequence

from vital_shared.llm.base import Model, ModelRequest
from vital_shared.llm.hedged_call import MAX_CONCURRENT_ATTEMPTS
from vital_shared.workflows.model_selection import TokenCapped
from vital_shared.workflows.self_llm.call_budget import CallBudget

__all__ = ["BuiltInBudget"]


class BuiltInBudget(CallBudget):
    """The money of one built-in node; the tenant's budget has it reserved before the run starts."""

    async def models(
        self, models: Sequence[Model], request: ModelRequest, *, races: bool
    ) -> tuple[Model, ...]:
        """Return the models that may be asked, each writing no more than the money buys, and hold it.

        A fallback is asked once the model before it has failed, so that each has the whole of the money; of
        models that race, each has its share. What is free stays as it is.

        :param request: the whole request: it may be sent shortened, and is cheaper then.
        :param races: whether a fallback may be asked while the model before it still writes.
        """
        self.release()
        if self._limit is None:
            return tuple(map(self._capped, models)) if self.is_limited else tuple(models)
        tokens = await self._count(request)
        room = self._room() or 0  # read after the wait, and held before the next
        share = room // MAX_CONCURRENT_ATTEMPTS if races else room
        found = [each for model in models if (each := self._bounded(model, tokens, share)) is not None]
        self._hold(min(room, sum(each.nanos for each in found)))
        return tuple(each.model for each in found)

    def _capped(self, model: Model) -> Model:
        """Return a model that writes no more than was reserved for it."""
        return TokenCapped(model, self._longest(model))
