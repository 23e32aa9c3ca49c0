"""The counts of one answer in Gemini's protocol.

Each chunk counts all that was read and written until then; in any of them a count may be missing, null or 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from vital_shared.llm.base import Usage
from vital_shared.llm.wires.counts import MAX_MODALITIES, UsageReader
from vital_shared.llm.wires.fields import object_in
from vital_shared.models.price_details import PriceDetails

__all__ = ["GeminiUsage", "in_camel_case"]

MAX_SEARCHES: Final = 1_000
"""Searches for one answer that are counted."""

_SNAKE: Final = re.compile("_([a-z])")

_TEXT_ALONE: Final = frozenset({"TEXT"})

_TERMS: Final = {"on_demand_flex": "flex", "on_demand_priority": "priority"}
"""Terms of the call, by Vertex AI's type of traffic."""


def in_camel_case(counts: Any) -> Any:
    """Return an object, and the entries of the lists within it, with names such as ``promptTokenCount``."""
    if isinstance(counts, list):
        return [in_camel_case(each) for each in counts[:MAX_MODALITIES]]
    if not isinstance(counts, dict):
        return counts
    return {_SNAKE.sub(_raised, name): in_camel_case(value) for name, value in counts.items()}


def _raised(found: re.Match[str]) -> str:
    return found[1].upper()


class GeminiUsage:
    """All counts so far."""

    __slots__ = ("_has_map", "_known", "_odd", "_queries")

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._odd: Any = None
        """The value that came instead of an object of counts."""
        self._queries: set[str] = set()
        """The searches of the web that were made for the answer."""
        self._has_map = False
        """Whether the answer rests on a map."""

    def update(self, usage: Any) -> bool:
        """Take a chunk's counts, and return whether they are the first; null and 0 replace no other."""
        if not isinstance(usage, dict):
            self._odd = usage if self._odd is None else self._odd
            return False
        first = not self._known
        for name, value in usage.items():
            if value or (value is not None and name not in self._known):
                self._known[name] = value
        return first and bool(self._known)

    def ground(self, candidate: Mapping[str, Any]) -> None:
        """Take the searches and maps that a candidate rests on; each chunk may repeat those of earlier ones.

        Equal searches are one, and an empty one is none (the guide "Grounding with Google Search"). An answer
        rests on a map where one of its sources is from it (the guide "Grounding with Google Maps").
        """
        found = object_in(candidate.get("groundingMetadata"))
        chunks = found.get("groundingChunks")
        if isinstance(chunks, list) and any(object_in(each).get("maps") for each in chunks):
            self._has_map = True
        queries = found.get("webSearchQueries")
        for query in queries if isinstance(queries, list) else ():
            if isinstance(query, str) and query.strip() and len(self._queries) < MAX_SEARCHES:
                self._queries.add(query)

    def read(self) -> tuple[Usage, ...]:
        """Return the counts, if any came.

        Gemini's output is without thoughts, its input without the results of its own tools. Some servers that
        speak its protocol count thoughts as output too, or only the total.
        """
        if not self._known and self._odd is None:
            return ()
        reader = UsageReader(self._known or self._odd)
        prompt, by_tools = reader.count("promptTokenCount"), reader.count("toolUsePromptTokenCount") or 0
        thoughts = reader.count("thoughtsTokenCount") or 0
        read = None if prompt is None else prompt + by_tools
        return (
            reader.usage(
                input_tokens=read,
                cached_input_tokens=reader.count("cachedContentTokenCount"),
                output_tokens=_output(reader, read or 0, thoughts),
                reasoning_tokens=thoughts,
                details=_details(reader, len(self._queries), has_map=self._has_map),
            ),
        )


def _details(reader: UsageReader, searches: int, *, has_map: bool) -> PriceDetails | None:
    """Return what is priced apart; None where there is nothing but text, as in most answers."""
    cached = reader.modalities("cacheTokensDetails")
    sent = reader.modalities("promptTokensDetails", "toolUsePromptTokensDetails")
    said = reader.modalities("candidatesTokensDetails")
    term = _TERMS.get(reader.text("trafficType"))
    if term is None and not searches and not has_map and _TEXT_ALONE.issuperset((*cached, *sent, *said)):
        return None

    def outside_cache(kind: str) -> int:
        return max(0, sent.get(kind, 0) - cached.get(kind, 0))

    return PriceDetails(
        audio_input=outside_cache("AUDIO"),
        image_input=outside_cache("IMAGE"),
        video_input=outside_cache("VIDEO"),
        cached_audio_input=cached.get("AUDIO", 0),
        cached_image_input=cached.get("IMAGE", 0),
        audio_output=said.get("AUDIO", 0),
        image_output=said.get("IMAGE", 0),
        web_searches=searches,
        grounded_prompts=min(searches, 1),
        maps_prompts=int(has_map),
        terms=() if term is None else (term,),
    )


def _output(reader: UsageReader, read: int, thoughts: int) -> int | None:
    """Return all that was written, thoughts included."""
    written = reader.count("candidatesTokenCount") or 0
    total = reader.count("totalTokenCount") or 0
    if not written:
        return max(thoughts, total - read) if read else thoughts or None
    return written if thoughts <= written and total == read + written else written + thoughts
