"""The tokens of a request that is passed on, before its provider counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from vital_shared.llm.wires.containers import container_gigabytes
from vital_shared.models.hosted_calls import NO_HOSTED_CALLS, HostedCalls

__all__ = ["RequestSize", "hosted_calls_of", "measure", "terms_of"]

IMAGE_TOKENS: Final = 1_200
"""Tokens of a picture, as most models count them."""

MAX_IMAGE_TOKENS: Final = 50_000
"""The most that any model counts for a picture (gpt-4o-mini: 2,833 and 5,667 for each of its tiles, of which
there are 8 at most; OpenAI's guide "Images and vision")."""

AUDIO_CHARACTERS_PER_TOKEN: Final = 250
"""Characters of base64 for a token of sound: 10 tokens a second, of 20 kbit or more."""

MIN_AUDIO_CHARACTERS_PER_TOKEN: Final = 100

FILE_CHARACTERS_PER_TOKEN: Final = 20
"""Characters of base64 for a token of a file, which a provider reads as text and pictures."""

REMOTE_FILE_TOKENS: Final = 20_000
"""Tokens of a document, a sound or a film that the provider loads: ten pages, or a minute or two."""

MAX_FILES_TOKENS: Final = 1_048_576
"""The most that all files of a request can have: the longest context of the models that read them."""

MAX_FRAME_TOKENS: Final = 16
"""The most that a provider adds to each message and tool; likely it adds what the names of fields count."""

REMOTE_FIELDS: Final = ("url", "file_url", "file_id")
"""Fields of a file that say where the provider finds it (OpenAI, Anthropic)."""

TERM_FIELDS: Final = ("service_tier", "speed", "serviceTier")
"""Fields of a request that name terms of its price (OpenAI, Anthropic, Gemini)."""

SEARCH_TOOLS: Final = ("web_search", "file_search")
"""Beginnings of the types of tools with which a provider searches by itself (Anthropic, OpenAI)."""

GOOGLE_SEARCHES: Final = ("googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval")
"""Fields of a tool with which Gemini searches by itself."""

GOOGLE_MAPS: Final = ("googleMaps", "google_maps")
"""Fields of a tool with which Gemini looks at a map."""

ASSUMED_SEARCHES: Final = 10
"""Searches that one tool makes at most where the request does not limit them."""

MAX_SEARCHES: Final = 1_000
"""The most searches for which money is reserved, whatever the request names."""

MAX_DEPTH: Final = 50


class RequestSize(NamedTuple):
    """The tokens of a request."""

    input_tokens: int
    """The likely tokens, for calls whose provider does not count."""
    max_input_tokens: int
    """The most that can be read, for which money is reserved."""
    max_output_tokens: int | None
    """The longest answer, in all choices together; None: the request names none."""
    asked_terms: frozenset[str] = frozenset()
    """Words of the request that may name terms of the price."""
    max_hosted: HostedCalls = NO_HOSTED_CALLS
    """The most that the provider's own tools are used."""


class _MediaSize(NamedTuple):
    likely: int
    most: int
    is_file: bool = False


REMOTE_FILE: Final = _MediaSize(REMOTE_FILE_TOKENS, MAX_FILES_TOKENS, is_file=True)
"""The size of a file that the provider loads, whose length is not known here."""


def terms_of(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the words of a request that may name terms of the price, such as its tier."""
    return frozenset(value.lower() for name in TERM_FIELDS if isinstance(value := body.get(name), str))


def hosted_calls_of(body: Mapping[str, Any]) -> HostedCalls:
    """Return the most that a provider's own tools are used for a request, in any provider's words."""
    listed = body.get("tools")
    tools = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    calls = body.get("max_tool_calls")  # of all tools of the provider's (OpenAI)
    most = min(calls, MAX_SEARCHES) if _is_count(calls) else MAX_SEARCHES
    return HostedCalls(
        searches=min(sum(map(_searches, tools)), most),
        maps_prompts=int(any(isinstance(each.get(name), dict) for each in tools for name in GOOGLE_MAPS)),
        code_gigabytes=sum(map(container_gigabytes, tools)) if most else 0,
    )


def _searches(tool: Mapping[str, Any]) -> int:
    kind = tool.get("type")
    if isinstance(kind, str) and kind.startswith(SEARCH_TOOLS):
        uses = tool.get("max_uses")
        return uses if _is_count(uses) else ASSUMED_SEARCHES
    return ASSUMED_SEARCHES if any(isinstance(tool.get(name), dict) for name in GOOGLE_SEARCHES) else 0


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def measure(
    body: Any,
    *,
    count: Callable[[str], int],
    count_at_most: Callable[[str], int],
    max_output_tokens: int | None,
    asked_terms: frozenset[str] = frozenset(),
    max_hosted: HostedCalls = NO_HOSTED_CALLS,
) -> RequestSize:
    """Measure the messages and tools of a request, in any provider's words.

    :param count: the likely tokens of a text; ``count_at_most``: the most it can have.
    """
    texts: list[str] = []
    parts = [part for part in _parts(body, texts, 0) if part is not None]
    text = "\n".join(texts)
    frames = MAX_FRAME_TOKENS * (1 + len(texts))
    files = sum(part.most for part in parts if part.is_file)
    others = sum(part.most for part in parts if not part.is_file)
    return RequestSize(
        count(text) + sum(part.likely for part in parts),
        count_at_most(text) + frames + others + min(files, MAX_FILES_TOKENS),
        max_output_tokens,
        asked_terms,
        max_hosted,
    )


def _parts(value: Any, texts: list[str], depth: int) -> Iterator[_MediaSize]:
    """Give the parts that are no text, and add texts to a list; names count, too."""
    if depth > MAX_DEPTH:
        texts.append(str(value))
    elif isinstance(value, str):
        if (part := _data(value)) is not None:
            yield part
        else:
            texts.append(value)
    elif isinstance(value, dict):
        if (part := _medium(value)) is not None:
            yield part
            return
        for name, each in value.items():
            texts.append(name)
            yield from _parts(each, texts, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each, texts, depth + 1)
    elif value is not None and not isinstance(value, bool):
        texts.append(str(value))


def _medium(part: dict[str, Any]) -> _MediaSize | None:
    """Return the size of a part of a message that is a picture, a sound or a file; None: it is none."""
    kind = part.get("type")
    if kind in ("image_url", "input_image", "image"):
        return _MediaSize(IMAGE_TOKENS, MAX_IMAGE_TOKENS)
    if kind == "input_audio":
        return _sound(len(str(_inner(part, "input_audio").get("data", ""))))
    if kind in ("file", "input_file", "document"):
        return _file(_inner(part, "file") or _inner(part, "source") or part)
    return _geminis(part)


def _file(held: dict[str, Any]) -> _MediaSize | None:
    """Return the size of a file that is held by a part; None: its content is text, or parts."""
    if any(held.get(name) for name in REMOTE_FIELDS):
        return REMOTE_FILE
    if held.get("type") == "text":
        return None
    length = len(str(held.get("file_data") or held.get("data") or ""))
    return _inline_file(length) if length else None


def _geminis(part: dict[str, Any]) -> _MediaSize | None:
    """Return the size of a part in Gemini's form that is no text; None: it is none."""
    held = _inner(part, "inlineData") or _inner(part, "inline_data")
    stored = _inner(part, "fileData") or _inner(part, "file_data")
    kind, length = _type(held or stored), len(str(held.get("data", "")))
    if kind.startswith("image/"):
        return _MediaSize(IMAGE_TOKENS, MAX_IMAGE_TOKENS)
    if stored and not held:
        return REMOTE_FILE
    if kind.startswith("audio/"):
        return _sound(length)
    return _inline_file(length) if held else None


def _type(held: dict[str, Any]) -> str:
    return str(held.get("mimeType") or held.get("mime_type") or "")


def _inner(part: dict[str, Any], name: str) -> dict[str, Any]:
    held = part.get(name)
    return held if isinstance(held, dict) else {}


def _inline_file(length: int) -> _MediaSize:
    return _MediaSize(length // FILE_CHARACTERS_PER_TOKEN, length, is_file=True)


def _sound(length: int) -> _MediaSize:
    return _MediaSize(length // AUDIO_CHARACTERS_PER_TOKEN, length // MIN_AUDIO_CHARACTERS_PER_TOKEN)


def _data(text: str) -> _MediaSize | None:
    """Return the size of a picture or sound that is written as an address of its own (RFC 2397)."""
    if not text.startswith("data:") or ";base64," not in text[:100]:
        return None
    if text.startswith("data:image/"):
        return _MediaSize(IMAGE_TOKENS, MAX_IMAGE_TOKENS)
    return _inline_file(len(text))
