"""Fields of a request that a strict server or a plain model refuses: left out, and remembered for a while.

OpenAI's protocol is spoken by servers that know less of it: a 4xx whose words name a field that was sent
(``stream_options``, ``tools``, ``temperature``, a system message) means that the request works without it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from vital_shared.llm.base import ModelError, ModelRejected, ModelUnavailable
from vital_shared.llm.wires.plain_requests import (
    has_cache_marks,
    system_text,
    with_system_as_user,
    without_cache_marks,
)
from vital_shared.logs import get_logger

__all__ = ["RefusedFields"]

logger = get_logger(__name__)

REMEMBERED_SECONDS: Final = 3600.0
MAX_REMEMBERED_MODELS: Final = 256

SYSTEM_ROLE: Final = "system role"
"""The name of the system message, which moves into the user's first where it is refused."""

CACHE_MARKS: Final = "cache marks"
"""The name of the marks of what Anthropic's cache may keep, and for a system prompt that is no plain text."""

_REQUIRED: Final = frozenset(("model", "messages", "contents", "system", "systemInstruction"))
_OTHER_NAME: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""The limit of the output is never left out, but goes by its other name."""

_GO_WITH: Final = {
    "tools": ("tool_choice", "parallel_tool_calls", "toolConfig"),
    "stream": ("stream_options",),
}

_REFUSAL: Final = re.compile(
    r"not (?:been )?(?:supported|permitted|allowed|available|enabled|implemented|accepted|recogni[sz]ed)"
    r"|(?:n't|not) (?:support|accept|allow|recogni[sz]e|take|know|implement|understand|have)\b"
    r"|unsupported|unknown|unrecogni[sz]ed|unexpected|disallowed|forbidden|deprecated|incompatible|no longer"
    r"|not a (?:valid|known|recogni[sz]ed)|no such|extra (?:inputs?|fields?|parameters?|keys?)"
    r"|extra_forbidden|additional (?:propert|field|parameter)"
    r"|invalid (?:parameter|argument|field|key|property|option|role)"
    r"|(?:cannot|can't|can not|must not|may not) be (?:used|set|specified|given|present|provided)"
    r"|should be a (?:valid )?string"
    r"|requires --|no endpoints found|must alternate|only .{0,40}(?:is|are) (?:supported|allowed)",
    re.IGNORECASE,
)
_SYNONYMS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), field)
    for pattern, field in (
        (r"tool[ _-]?(?:use|usage|call|choice)\w*|function[ _-]?call\w*|\bfunctions?\b", "tools"),
        (r"response[ _-]format|json[ _-]?(?:schema|mode)|structured[ _-]outputs?", "response_format"),
        (r"stream[ _-]options|include_usage", "stream_options"),
        (r"\bstreaming\b", "stream"),
        (r"(?:system|developer)['\"`]?[ _-](?:role|message|prompt|instruction)", SYSTEM_ROLE),
        (r"system_?instruction", SYSTEM_ROLE),
        (r"cache_control|system\b.{0,40}valid string", CACHE_MARKS),
        (r"role['\"`:= ]+system|roles? must alternate|only user and assistant", SYSTEM_ROLE),
    )
)
"""Other names of fields in the words of servers."""


class RefusedFields:
    """The fields that each model of a provider refuses.

    :param clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expiries: dict[str, dict[str, float]] = {}

    def left_out(
        self, model: str, body: Mapping[str, Any], among: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Return the body of a request without what the model refuses.

        :param among: the fields that may be left out; None: all.
        """
        now = self._clock()
        refused = [field for field, end in self._expiries.get(model, {}).items() if end > now]
        return _without(body, [field for field in refused if among is None or field in among])

    def learn(
        self, model: str, body: Mapping[str, Any], error: ModelError, among: Collection[str] | None = None
    ) -> bool:
        """Return whether an error refuses a field of the body, so that the call is worth making without it.

        :param body: as it was sent.
        :param among: the fields that may be left out; None: all.
        """
        if not isinstance(error, ModelRejected | ModelUnavailable):
            return False
        field = _refused(body, error.message.replace(error.model, ""))
        if field is None or self._was_renamed(model, field) or (among is not None and field not in among):
            return False
        if model not in self._expiries and len(self._expiries) >= MAX_REMEMBERED_MODELS:
            self._expiries.pop(next(iter(self._expiries)))
        self._expiries.setdefault(model, {})[field] = self._clock() + REMEMBERED_SECONDS
        logger.warning("provider_field_refused", model=error.model, field=field, reason=error.message)
        return True

    def _was_renamed(self, model: str, field: str) -> bool:
        """Return whether the limit of the output has been refused by its other name already."""
        return self._expiries.get(model, {}).get(_OTHER_NAME.get(field, ""), 0.0) > self._clock()


def _refused(body: Mapping[str, Any], words: str) -> str | None:
    """Return the first field that the words name, if they refuse anything."""
    if not _REFUSAL.search(words):
        return None
    places: dict[str, int] = {}
    for field in body:
        if field not in _REQUIRED and (found := re.search(rf"(?<!\w){re.escape(field)}(?!\w)", words)):
            places[field] = found.start()
    for pattern, field in _SYNONYMS:
        if _is_sent(body, field) and (found := pattern.search(words)):
            places[field] = min(found.start(), places.get(field, found.start()))
    return min(places, key=places.__getitem__, default=None)


def _is_sent(body: Mapping[str, Any], field: str) -> bool:
    if field == SYSTEM_ROLE:
        return system_text(body) is not None
    return has_cache_marks(body) if field == CACHE_MARKS else field in body


def _without(body: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    left = dict(body)
    for field in fields:
        if field == SYSTEM_ROLE:
            left = with_system_as_user(left)
        elif field == CACHE_MARKS:
            left = without_cache_marks(left)
        elif field in _OTHER_NAME:
            if field in left:
                left[_OTHER_NAME[field]] = left.pop(field)
        else:
            for name in (field, *_GO_WITH.get(field, ())):
                left.pop(name, None)
    return left
