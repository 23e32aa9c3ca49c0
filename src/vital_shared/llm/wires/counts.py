"""Token counts as providers send them, made safe to charge: whole, bounded, no part above its whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from vital_shared.llm.base import MAX_CALL_TOKENS, Usage
from vital_shared.llm.wires.json_text import read_json
from vital_shared.models.price_details import PriceDetails

__all__ = ["UsageReader", "counts_in"]

MAX_RAW_BYTES: Final = 4096
"""Longest usage object, as JSON, that is kept beside the counts."""

MAX_PROVIDER_DOLLARS: Final = Decimal(1000)
"""Highest cost of one call that is believed when a provider states it."""

MAX_MODALITIES: Final = 32
"""Entries of a list of counts that are read."""

MAX_TERM_CHARACTERS: Final = 32

NO_DETAILS: Final = PriceDetails()

_WHOLES: Final = {
    "cache_write_1h": "written",
    "audio_input": "plain",
    "image_input": "plain",
    "video_input": "plain",
    "cached_audio_input": "cached",
    "cached_image_input": "cached",
    "audio_output": "said",
    "image_output": "said",
}
"""The part of the tokens within which each detail counts."""

_DIGITS: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,9})?")


def counts_in(usage: Any) -> Any:
    """Return the counts within a text of JSON, or within a list; anything else as it is."""
    if isinstance(usage, str) and len(usage) <= MAX_RAW_BYTES:
        usage = read_json(usage.encode("utf-8", "replace")) or usage
    if isinstance(usage, list):
        return next((each for each in usage[:MAX_MODALITIES] if isinstance(each, dict)), usage)
    return usage


class UsageReader:
    """A reader of one usage object; ignores what is no count, and marks the result as corrected.

    :param raw: any JSON; None where the provider sent none.
    """

    __slots__ = ("_corrected", "_fields")

    def __init__(self, raw: Any) -> None:
        self._fields: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self._corrected = raw is not None and not isinstance(raw, dict)

    def count(self, *paths: str) -> int | None:
        """Return the first count above zero at one of the paths, else zero, else None where there is none.

        :param paths: names of fields; a dot leads into an object, as in ``prompt_tokens_details.cached``.
        """
        found: int | None = None
        for path in paths:
            value = self._at(path)
            if value is None:
                continue
            count = _count(value)
            if count is None:
                self._corrected = True
            elif count:
                self._corrected = self._corrected or not _is_whole(value)
                return count
            else:
                found = 0
        return found

    def has(self, field: str) -> bool:
        """Return whether there is anything in a field."""
        return self._fields.get(field) is not None

    def is_object(self, path: str) -> bool:
        """Return whether there is an object at a path."""
        return isinstance(self._at(path), dict)

    def is_true(self, path: str) -> bool:
        """Return whether there is a true at a path."""
        return self._at(path) is True

    def dollars(self, path: str, *, unit: int = 1) -> Decimal | None:
        """Return the provider's own price of the call; None where it states none that can be believed.

        :param unit: units in a dollar; 1: the value is in dollars.
        """
        value = self._at(path)
        if value is None:
            return None
        try:
            dollars = Decimal(str(value)) / unit if isinstance(value, int | float | str) else Decimal("NaN")
        except InvalidOperation:
            dollars = Decimal("NaN")
        if isinstance(value, bool) or not dollars.is_finite() or not 0 <= dollars <= MAX_PROVIDER_DOLLARS:
            self._corrected = True
            return None
        return dollars

    def modalities(self, *paths: str) -> Mapping[str, int]:
        """Return the tokens of each modality in lists of counts, such as Gemini's, added up.

        :param paths: fields with lists, whose entries name a modality such as ``AUDIO``.
        """
        found: dict[str, int] = {}
        for path in paths:
            listed = self._at(path)
            if listed is None:
                continue
            if not isinstance(listed, list):
                self._corrected = True
                continue
            for each in listed[:MAX_MODALITIES]:
                name = each.get("modality") if isinstance(each, dict) else None
                if isinstance(name, str):
                    found[name] = found.get(name, 0) + (_count(each.get("tokenCount")) or 0)
        return found

    def text(self, path: str) -> str:
        """Return a short word at a path, such as the name of a tier; empty where there is none."""
        value = self._at(path)
        return value.lower() if isinstance(value, str) and len(value) <= MAX_TERM_CHARACTERS else ""

    def usage(
        self,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cached_input_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        provider_cost: Decimal | None = None,
        details: PriceDetails | None = None,
    ) -> Usage:
        """Return the counts; a sum out of bounds becomes zero, a part is clamped to its whole."""
        read, written = self._whole(input_tokens), self._whole(output_tokens)
        cached = self._within(cached_input_tokens, read)
        to_cache = self._within(cache_write_tokens, read - cached)
        reasoning = self._within(reasoning_tokens, written)
        return Usage(
            input_tokens=read,
            cached_input_tokens=cached,
            cache_write_tokens=to_cache,
            output_tokens=written,
            reasoning_tokens=reasoning,
            details=None
            if details in (None, NO_DETAILS)
            else self._fitted(details, read, cached, to_cache, written - reasoning),
            provider_cost=provider_cost,
            raw=self._kept(),
            corrected=self._corrected,
        )

    def _fitted(self, found: PriceDetails, read: int, cached: int, to_cache: int, said: int) -> PriceDetails:
        """Clamp each part to what is left of its whole."""
        wholes = {"plain": read - cached - to_cache, "cached": cached, "written": to_cache, "said": said}
        fitted: dict[str, int] = {}
        for name, whole in _WHOLES.items():
            fitted[name] = self._within(getattr(found, name), wholes[whole])
            wholes[whole] -= fitted[name]
        return found.model_copy(update=fitted)

    def _at(self, path: str) -> Any:
        value: Any = self._fields
        for name in path.split(".") if "." in path else (path,):
            if value is None:
                return None
            if not isinstance(value, dict):
                self._corrected = True
                return None
            value = value.get(name)
        return value

    def _whole(self, count: int | None) -> int:
        if not count or 0 <= count <= MAX_CALL_TOKENS:
            return count or 0
        self._corrected = True
        return 0

    def _within(self, part: int | None, whole: int) -> int:
        if not part or 0 <= part <= whole:
            return part or 0
        self._corrected = True
        return max(0, min(part, whole))

    def _kept(self) -> dict[str, Any] | None:
        if not self._fields:
            return None
        try:
            written = orjson.dumps(self._fields)
        except (TypeError, ValueError):  # texts with halves of surrogates, or nested too deeply
            return None
        if len(written) > MAX_RAW_BYTES or b"\\u0000" in written:  # which Postgres does not store
            return None
        kept: dict[str, Any] = orjson.loads(written)
        return kept


def _is_whole(value: Any) -> bool:
    """Return whether a count, or its text, is a whole number; no provider charges for a part of a token."""
    return float(value).is_integer()


def _count(value: Any) -> int | None:
    """Read one count: a whole number, a float or a text of digits; None where it is none within bounds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _DIGITS.fullmatch(text) else None
    if not isinstance(value, int | float) or not 0 <= value <= MAX_CALL_TOKENS:  # NaN is not, either
        return None
    return int(value)
