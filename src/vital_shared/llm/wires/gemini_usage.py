"""The counts of one answer in Gemini's protocol.

Each chunk counts all that was read and written until then; in any of them a count may be missing, null or 0.
"""

from __future__ import annotations

from typing import Any, Final

from vital_shared.llm.base import Usage
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.models.price_details import PriceDetails

__all__ = ["GeminiUsage"]


_MODALITIES: Final = ("AUDIO", "IMAGE", "VIDEO")

_TERMS: Final = {"on_demand_flex": "flex", "on_demand_priority": "priority"}
"""Terms of the call, by Vertex AI's type of traffic."""


class GeminiUsage:
    """All counts so far."""

    __slots__ = ("_known", "_odd")

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._odd: Any = None
        """The value that came instead of an object of counts."""

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
        cached = {kind: reader.modality("cacheTokensDetails", kind) for kind in _MODALITIES}
        sent = {
            kind: reader.modality("promptTokensDetails", kind)
            + reader.modality("toolUsePromptTokensDetails", kind)
            for kind in _MODALITIES
        }
        traffic = reader.text("trafficType")
        return (
            reader.usage(
                input_tokens=read,
                cached_input_tokens=reader.count("cachedContentTokenCount"),
                output_tokens=_output(reader, read or 0, thoughts),
                reasoning_tokens=thoughts,
                details=PriceDetails(
                    audio_input=max(0, sent["AUDIO"] - cached["AUDIO"]),
                    image_input=max(0, sent["IMAGE"] - cached["IMAGE"]),
                    video_input=max(0, sent["VIDEO"] - cached["VIDEO"]),
                    cached_audio_input=cached["AUDIO"],
                    cached_image_input=cached["IMAGE"],
                    audio_output=reader.modality("candidatesTokensDetails", "AUDIO"),
                    image_output=reader.modality("candidatesTokensDetails", "IMAGE"),
                    terms=(_TERMS[traffic],) if traffic in _TERMS else (),
                ),
            ),
        )


def _output(reader: UsageReader, read: int, thoughts: int) -> int | None:
    """Return all that was written, thoughts included."""
    written = reader.count("candidatesTokenCount") or 0
    total = reader.count("totalTokenCount") or 0
    if not written:
        return max(thoughts, total - read) if read else thoughts or None
    return written if thoughts <= written and total == read + written else written + thoughts
