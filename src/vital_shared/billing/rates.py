"""The rates of a model's tokens, as whole numbers, so that a call's cost is computed exactly."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from vital_shared.models.hosted_calls import NO_HOSTED_CALLS, HostedCalls
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_dollars, to_nanos
from vital_shared.models.price_details import PriceDetails

__all__ = ["Rates", "Tariff"]

_MILLION: Final = 10**6

_USUAL_KINDS: Final[Mapping[str, str]] = {
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "cached_audio_input": "cached_input",
    "audio_output": "output",
    "image_input": "input",
    "cached_image_input": "cached_input",
    "image_output": "output",
    "video_input": "input",
}
"""The rate of `Rates` among which the tokens of a `PriceDetails` count, by its field."""

_SEARCHES: Final = ("web_searches", "file_searches")
_REQUESTS: Final = (*_SEARCHES, "grounded_prompts", "maps_prompts", "code_gigabytes")
"""The counts of a `PriceDetails` that are no tokens."""

_TOKEN_RATES: Final = ("input", "cached_input", "cache_write", "output", "reasoning")

_INPUT_RATES: Final = frozenset({"input", "cached_input", "cache_write"})
_OUTPUT_RATES: Final = frozenset({"output", "reasoning"})

_NO_DETAILS: Final[Mapping[str, int]] = MappingProxyType({})


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
    details: Mapping[str, int] = _NO_DETAILS
    """Nano-dollars for a million of what a field of `PriceDetails` counts; one without costs as usual."""

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
        details: Mapping[str, Decimal] | None = None,
    ) -> Self:
        """Take dollars per million tokens.

        Cached and written input cost as input where nothing is said, and reasoning as output.

        :param request: dollars per call.
        :param details: dollars per million, by the field of `PriceDetails`.
        """
        return cls(
            input=to_nanos(input),
            cached_input=to_nanos(input if cached_input is None else cached_input),
            cache_write=to_nanos(input if cache_write is None else cache_write),
            output=to_nanos(output),
            reasoning=to_nanos(output if reasoning is None else reasoning),
            request=to_nanos(request),
            details={name: to_nanos(price) for name, price in (details or {}).items()},
        )

    def scaled(self, factor: Decimal) -> Self:
        """Return the rates at other terms; requests and searches cost as before."""

        def scale(nanos: int) -> int:
            return to_nanos(to_dollars(nanos) * factor)

        details = {name: nanos if name in _REQUESTS else scale(nanos) for name, nanos in self.details.items()}
        usual = {name: scale(getattr(self, name)) for name in _TOKEN_RATES}
        return self._replace(**usual, details=details)

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
        if tokens.details is not None:
            cost += self._extra(tokens.details)
        whole, rest = divmod(cost, _MILLION)
        return whole + (rest * 2 > _MILLION or (rest * 2 == _MILLION and whole % 2 == 1))

    def max_nanos(self, input_tokens: int, output_tokens: int, hosted: HostedCalls = NO_HOSTED_CALLS) -> int:
        """Return the most that a call costs, whatever kinds its tokens and its searches are of.

        :param input_tokens: tokens that are read at most; ``output_tokens``: that are written.
        :param hosted: the most that the provider's own tools are used.
        """
        read = max(self.input, self.cached_input, self.cache_write, *self._detail_rates(_INPUT_RATES))
        written = max(self.output, self.reasoning, *self._detail_rates(_OUTPUT_RATES))
        cost = input_tokens * read + output_tokens * written + self.request * _MILLION
        cost += hosted.searches * max(self.details.get(name, 0) for name in _SEARCHES)
        cost += min(hosted.searches, 1) * self.details.get("grounded_prompts", 0)
        cost += hosted.maps_prompts * self.details.get("maps_prompts", 0)
        cost += hosted.code_gigabytes * self.details.get("code_gigabytes", 0)
        return -(-cost // _MILLION)

    def in_dollars(self, details: PriceDetails | None = None) -> dict[str, str]:
        """Write them as dollars per million tokens, for people and for the ledger; exact.

        :param details: those of the call, whose rates are written too.
        """
        usual = {name: nanos for name, nanos in self._asdict().items() if name != "details"}
        counted = {name: nanos for name, nanos in self.details.items() if details and getattr(details, name)}
        return {
            name: _dollars(nanos) for name, nanos in (usual | counted).items() if nanos or name != "request"
        }

    def _detail_rates(self, usual: frozenset[str]) -> list[int]:
        """Return the rates of the details that count among some of the usual ones."""
        return [
            self.details[name]
            for name, among in _USUAL_KINDS.items()
            if among in usual and name in self.details
        ]

    def _extra(self, details: PriceDetails) -> int:
        """Return what the details cost beyond the usual rates, in millionths of a nano-dollar."""
        extra = sum(int(getattr(details, name)) * self.details.get(name, 0) for name in _REQUESTS)
        for name, usual in _USUAL_KINDS.items():
            rate = self.details.get(name)
            if rate is not None:
                extra += getattr(details, name) * (rate - int(getattr(self, usual)))
        return extra


class Tariff(NamedTuple):
    """The rates of a model by the length of the prompt."""

    steps: tuple[tuple[int, Rates], ...]
    """Rates, and above how many input tokens they hold, for all tokens of the call; the first from 0 on."""

    def rates(self, tokens: Tokens) -> Rates:
        """Return those that hold for a call."""
        above = [rates for start, rates in self.steps if tokens.input > start]
        return above[-1] if above else self.steps[0][1]


@lru_cache(maxsize=1_024)  # prices are few, and each charge of a call has them
def _dollars(nanos: int) -> str:
    return f"{to_dollars(nanos).normalize():f}"
