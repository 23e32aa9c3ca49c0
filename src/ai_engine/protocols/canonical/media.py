"""Images, recordings and documents as OpenAI's and Anthropic's requests hold them."""

from __future__ import annotations

import re
from typing import Final, Literal

from ai_engine.protocols.canonical.carrying import media_features
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.messages import MediaPart

__all__ = ["data_url", "note_media", "read_media_url"]

_DATA_URL: Final = re.compile(
    r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII | re.IGNORECASE
)

MISNAMED: Final = {"image/jpg": "image/jpeg"}
"""Types of media as clients make them of a file's name, and their own names, which providers insist on."""


def read_media_url(
    fields: FieldReader, name: str, kind: Literal["image", "document"], *, detail: str = "", title: str = ""
) -> MediaPart:
    """Read the address of an image or a document, which may hold its content (RFC 2397).

    :raises InvalidRequest: when it is neither ``https:``, ``http:`` nor ``data:`` with base64.
    """
    url = fields.required_text(name)
    if found := _DATA_URL.match(url):
        media_type = found[1].lower()
        data = url[found.end() :]
        return MediaPart(kind, MISNAMED.get(media_type, media_type), data, name=title, detail=detail)
    if not url.startswith(("https://", "http://")):
        raise fields.wrong(name, "must be an address, or content in base64 such as data:image/png;base64,…")
    return MediaPart(kind, url=url, name=title, detail=detail)


def note_media(fields: FieldReader, name: str, part: MediaPart) -> MediaPart:
    """Note the features that a part uses, and return it."""
    for feature in media_features(part):
        fields.note(feature, name)
    return part


def data_url(part: MediaPart) -> str:
    """Return the address of a part, or its content as one."""
    return part.url or f"data:{part.media_type};base64,{part.data}"
