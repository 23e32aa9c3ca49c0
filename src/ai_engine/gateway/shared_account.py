"""The refusal of requests that name what is stored in the provider's account, which all tenants share.

Sources: the API references of OpenAI (chat completions, responses), Anthropic (messages, files) and Google
(Gemini API: files, caching).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vital_shared.errors import InvalidRequest

__all__ = ["refuse_shared_state"]

TOP_FIELDS: Final = (
    "messages",
    "input",
    "system",
    "tools",
    "contents",
    "systemInstruction",
    "system_instruction",
)
"""Fields of a request that have parts."""

NESTED_FIELDS: Final = (
    *(
        "content",
        "parts",
        "output",
        "source",
        "file",
        "fileData",
        "file_data",
        "container",
        "skills",
        "audio",
    ),
    *("fileSearch", "file_search", "functionResponse", "function_response", "input_image_mask"),
)
"""Fields of a part that have parts; arguments and results of the client's own tools are not looked at."""

NAMES: Final = (
    *("file_id", "file_ids", "vector_store_ids", "connector_id"),
    *("cachedContent", "cached_content", "fileSearchStoreNames", "file_search_store_names"),
)
"""Fields that name what is stored."""

URIS: Final = ("fileUri", "file_uri")
STORED_URIS: Final = ("https://generativelanguage.googleapis.com/", "gs://", "files/")
"""Beginnings of addresses of the account's files; others are public, as those of videos."""

REFERENCE: Final = "item_reference"
HISTORY: Final = "_tool_result"
"""The end of the types of what the provider's own tools have made, which is sent back to it as it came."""

WITH_IDS: Final = ("container", "audio")
"""Fields whose parts are stored where they have an id."""

MAX_DEPTH: Final = 20


def refuse_shared_state(body: Mapping[str, Any], tenant_id: str | None) -> None:
    """See that a tenant's request names nothing that is stored in the provider's account.

    :param tenant_id: the caller's; None: one for all tenants, who may name what all of them share.
    :raises InvalidRequest: when it does.
    """
    if tenant_id is None:
        return
    prompt = body.get("prompt")
    if isinstance(prompt, Mapping) and prompt.get("id"):
        raise _refusal("prompt.id")
    for place, part in _parts(body, "", (*TOP_FIELDS, "container"), 0):
        named = _named(place, part)
        if named is not None:
            raise _refusal(f"{place}.{named}".removeprefix("."))


def _named(place: str, part: Mapping[str, Any]) -> str | None:
    """Return the field by which a part names what is stored."""
    for name in NAMES:
        if part.get(name):
            return name
    for name in URIS:
        if str(part.get(name, "")).startswith(STORED_URIS):
            return name
    if isinstance(part.get("container"), str):
        return "container"
    if part.get("type") == "custom" and part.get("skill_id"):
        return "skill_id"
    has_id = part.get("type") == REFERENCE or place.rpartition(".")[2] in WITH_IDS
    return "id" if has_id and part.get("id") else None


def _parts(
    part: Mapping[str, Any], place: str, fields: tuple[str, ...], depth: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give a part and those in it, with their places.

    :raises InvalidRequest: when there are parts in parts in parts, beyond what is looked at.
    """
    yield place, part
    if str(part.get("type", "")).endswith(HISTORY):
        return
    if depth > MAX_DEPTH:
        raise InvalidRequest(
            f"The parts of the request are nested more than {MAX_DEPTH} levels deep", field=place
        )
    for name in fields:
        held = part.get(name)
        for number, each in enumerate(held if isinstance(held, list) else [held]):
            if isinstance(each, Mapping):
                inner = f"{place}.{name}.{number}" if isinstance(held, list) else f"{place}.{name}"
                yield from _parts(each, inner.removeprefix("."), NESTED_FIELDS, depth + 1)


def _refusal(field: str) -> InvalidRequest:
    return InvalidRequest(
        f"{field} names what is stored in the provider's account, which all tenants of this engine share: "
        "send the content itself",
        field=field,
    )
