"""The rates of a model's tokens, as whole numbers, so that a call's cost is computed exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple, Self

from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_dollars, to_nanos

__all__ = ["Rates", "Tariff"]

_MILLION: Final = 10**6


class Rates(NamedTuple):
    """Nano-dollars (10⁻⁹ dollars) for a million tokens of each kind, and for the call itself.

    Tables give dollars per million tokens with far fewer than nine decimals, so these are exact.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    request: int = 0
    """Nano-dollars for a call, whatever its length."""

    @classmethod
    def of(
        cls,
        *,
        input: Decimal,  # noqa: A002 - the name that all of these have
        output: Decimal,
        cached_input: Decimal | None = None,
        cache_write: Decimal | None = None,
        reasoning: Decimal | None = None,
        request: Decimal = Decimal(0),
    ) -> Self:
        """Take dollars per million tokens.

        Cached and written input cost as input where nothing is said, and reasoning as output.

        :param request: dollars per call.
        """
        return cls(
            input=to_nanos(input),
            cached_input=to_nanos(input if cached_input is None else cached_input),
            cache_write=to_nanos(input if cache_write is None else cache_write),
            output=to_nanos(output),
            reasoning=to_nanos(output if reasoning is None else reasoning),
            request=to_nanos(request),
        )

    def nanos(self, tokens: Tokens) -> int:
        """Return what a call cost, in nano-dollars: computed exactly, then rounded once, half to even."""
        cached, written = tokens.cached_input, tokens.cache_write
        cost = (
            (tokens.input - cached - written) * self.input
            + cached * self.cached_input
            + written * self.cache_write
            + (tokens.output - tokens.reasoning) * self.output
            + tokens.reasoning * self.reasoning
            + self.request * _MILLION
        )
        whole, rest = divmod(cost, _MILLION)
        return whole + (rest * 2 > _MILLION or (rest * 2 == _MILLION and whole % 2 == 1))

    def in_dollars(self) -> dict[str, str]:
        """Write them as dollars per million tokens, for people and for the ledger; exact."""
        return {name: _dollars(nanos) for name, nanos in self._asdict().items() if nanos or name != "request"}


class Tariff(NamedTuple):
    """The rates of a model by the length of the prompt."""

    steps: tuple[tuple[int, Rates], ...]
    """Rates, and above how many input tokens they hold, for all tokens of the call; the first from 0 on."""

    def rates(self, tokens: Tokens) -> Rates:
        """Return those that hold for a call."""
        above = [rates for start, rates in self.steps if tokens.input > start]
        return above[-1] if above else self.steps[0][1]


def _dollars(nanos: int) -> str:
    return f"{to_dollars(nanos).normalize():f}"
