"""The counts of one answer in Anthropic's protocol.

Anthropic counts the input with the first event and the output with the last one; servers that speak its
protocol leave either out, or send null or 0 in its place.
"""

from __future__ import annotations

from typing import Any, Final

from vital_shared.llm.base import Usage
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.llm.wires.openai_usage import read_usage
from vital_shared.models.price_details import PriceDetails

__all__ = ["AnthropicUsage"]

MAX_CHARACTERS_PER_TOKEN: Final = 8
"""Length of text for which an output count from the beginning of a stream is believed at the end."""


_USUAL_TERMS: Final = frozenset({"standard", "global", "not_available"})


class AnthropicUsage:
    """All counts so far; each one that comes is of the whole call."""

    __slots__ = ("_known", "_output_at_start")

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._output_at_start: Any = None

    def begin(self, usage: Any) -> Usage | None:
        """Take the counts of the first event; its output is a placeholder, as nothing is written yet."""
        if isinstance(usage, dict):
            self._output_at_start = usage.get("output_tokens")
            usage = {name: value for name, value in usage.items() if name != "output_tokens"}
        return self.update(usage)

    def update(self, usage: Any) -> Usage | None:
        """Take later counts: null and 0 do not replace one that is known."""
        if usage is None:
            return None
        if not isinstance(usage, dict):
            return self._read(UsageReader(self._known or usage))
        for name, value in usage.items():
            if value or (value is not None and name not in self._known):
                self._known[name] = value
        return self._read(UsageReader(self._known))

    def end(self, written_characters: int) -> Usage | None:
        """Return the counts of an answer whose output was counted at the beginning alone, if they fit it."""
        counted = UsageReader({"output_tokens": self._output_at_start}).count("output_tokens") or 0
        if self._known.get("output_tokens") or counted * MAX_CHARACTERS_PER_TOKEN < written_characters:
            return None
        return self.update({"output_tokens": counted})

    def _read(self, reader: UsageReader) -> Usage:
        """Read the counts; Anthropic's input is without the tokens that its cache read or wrote."""
        if self._known.get("prompt_tokens") and not self._known.get("input_tokens"):
            return read_usage(self._known)  # some gateways pass on OpenAI's names
        uncached = reader.count("input_tokens")
        cached = reader.count("cache_read_input_tokens") or 0
        written = reader.count("cache_creation_input_tokens")
        for_an_hour = reader.count("cache_creation.ephemeral_1h_input_tokens") or 0
        if not written:
            written = (reader.count("cache_creation.ephemeral_5m_input_tokens") or 0) + for_an_hour
        return reader.usage(
            input_tokens=None if uncached is None else uncached + cached + written,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=reader.count("output_tokens"),
            reasoning_tokens=reader.count("output_tokens_details.thinking_tokens"),
            provider_cost=reader.dollars("cost"),
            details=_details(reader, for_an_hour),
        )


def _details(reader: UsageReader, for_an_hour: int) -> PriceDetails | None:
    """Return what is priced apart; None where there is nothing of the kind, as in most answers."""
    searches, terms = reader.count("server_tool_use.web_search_requests") or 0, _terms(reader)
    if not for_an_hour and not searches and not terms:
        return None
    return PriceDetails(cache_write_1h=for_an_hour, web_searches=searches, terms=terms)


def _terms(reader: UsageReader) -> tuple[str, ...]:
    """Return the terms that are not the usual ones."""
    named = (reader.text(path) for path in ("service_tier", "inference_geo", "speed"))
    return tuple(term for term in named if term and term not in _USUAL_TERMS)
