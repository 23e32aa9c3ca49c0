"""Mail: its sender, recipients and text, forwarded messages, and the names of attachments."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from itertools import groupby
from typing import Final

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.from_html import add_html
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width

__all__ = ["parse_mail"]

_QUOTED: Final = re.compile(r"^(?:> ?)+")
TEXTS: Final = frozenset({"text/plain", "text/html"})
_ONE_OF: Final = frozenset({"multipart/alternative", "multipart/related"})
_OTHER_FORMS: Final = frozenset({"text/x-amp-html", "text/enriched", "text/watch-html"})
"""Forms of a text beside the one that is read."""

_SEALED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
MAX_FORWARDED: Final = 5
"""Messages within each other that are read."""

_WORD: Final = re.compile(r"\w+")
MAX_MISSING_SHARE: Final = 0.3
"""The share of the words of the HTML that the plain text of a message may lack, to be read instead."""

HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")


def parse_mail(data: bytes, *, uri: str) -> Parsed:
    """Read a message and those forwarded in it: their text; attachments are named and not read.

    :raises IngestError: when it is encrypted.
    """
    message = message_from_bytes(data, policy=policy.default)
    if _is_encrypted(message):
        raise IngestError(f"{uri} is encrypted: save a copy of its text.", path=uri)
    outline = Outline()
    names = _add_message(message, outline, uri, 0)
    notes = [f"Its attachment {name} was not read." for name in names]
    return outline.finish(title=_header(message, "Subject"), uri=uri, notes=notes)


def _is_encrypted(message: EmailMessage) -> bool:
    """Return whether a message is sealed by OpenPGP (RFC 3156) or S/MIME (RFC 8551)."""
    kind = message.get_content_type()
    is_sealed = kind in _SEALED and message.get_param("smime-type", "enveloped-data") == "enveloped-data"
    return is_sealed or kind == "multipart/encrypted"


def _add_message(message: EmailMessage, outline: Outline, uri: str, depth: int) -> list[str]:
    """Add a message, and return the names of what was not read of it."""
    for name in HEADERS:
        if value := _header(message, name):
            outline.add("row", f"{name}: {value}")
    names = _add_part(message, outline, uri, depth)
    outline.add("paragraph", f"Attachments: {', '.join(names)}" if names else "")
    return names


def _add_part(part: EmailMessage, outline: Outline, uri: str, depth: int) -> list[str]:
    """Add what mail programs show of a part, one text below the other, and return the names of the rest."""
    kind = part.get_content_type()
    if kind == "message/rfc822" and depth < MAX_FORWARDED:
        return [name for each in _parts(part) for name in _add_message(each, outline, uri, depth + 1)]
    if kind in _ONE_OF:
        return _add_fuller(part, outline, uri)
    if part.is_multipart() and kind != "message/rfc822":
        return [name for each in _parts(part) for name in _add_part(each, outline, uri, depth)]
    if kind in TEXTS and not _is_file(part):
        _add_body(part, outline, uri)
        return []
    return [part.get_filename() or kind]


def _add_fuller(part: EmailMessage, outline: Outline, uri: str) -> list[str]:
    """Add the text of a part that has it in several forms, or with its pictures."""
    body = _fuller_body(part, uri)
    if body is None:
        return [each.get_content_type() for each in part.walk() if not each.is_multipart()]
    _add_body(body, outline, uri)
    files = [each for each in part.walk() if each is not body and not each.is_multipart()]
    return [
        each.get_filename() or each.get_content_type()
        for each in files
        if _is_file(each) or each.get_content_type() not in TEXTS | _OTHER_FORMS
    ]


def _parts(part: EmailMessage) -> list[EmailMessage]:
    return [each for each in part.iter_parts() if isinstance(each, EmailMessage)]


def _is_file(part: Message) -> bool:
    return part.get_filename() is not None or part.get_content_disposition() == "attachment"


def _fuller_body(message: EmailMessage, uri: str) -> EmailMessage | None:
    """Return the plain text, or the HTML where the plain text says no more than that there is one."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    found = [each for each in (plain, html) if isinstance(each, EmailMessage)]
    if len(found) < 2:
        return found[0] if found else None
    page = Outline()
    _add_body(found[1], page, uri)
    shown = _words(" ".join(block.text for block in page.finish(title="", uri=uri).blocks))
    missing = shown - _words(_text(found[0], uri))
    return found[1] if len(missing) > MAX_MISSING_SHARE * len(shown) else found[0]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _header(message: EmailMessage, name: str) -> str:
    """Return a header; one that breaks the rules as it is written."""
    try:
        return " ".join(str(message.get(name) or "").split())
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser's own faults on odd headers
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return " ".join(str(raw).split())


def _text(body: EmailMessage, uri: str) -> str:
    payload = body.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    return decode(data, uri=uri, declared=body.get_content_charset())


def _add_body(body: EmailMessage, outline: Outline, uri: str) -> None:
    text = _text(body, uri)
    if body.get_content_type() == "text/html":
        add_html(outline, text)
        return
    lines = text.splitlines()
    width = usual_width(lines)
    for is_quoted, group in groupby(lines, key=lambda line: line.startswith(">")):
        bare = [_QUOTED.sub("", line) for line in group]
        for kind, block in paragraphs(bare, width=width):
            outline.add(kind, f"> {block}" if is_quoted else block)
