"""Mail: its sender, recipients and text, forwarded messages, and the names of attachments."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import groupby
from typing import Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.from_html import add_html
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width

__all__ = ["parse_mail"]

_QUOTED: Final = re.compile(r"^(?:> ?)+")
TEXTS: Final = frozenset({"text/plain", "text/html"})
MAX_FORWARDED: Final = 5
"""Messages within each other that are read."""

_WORD: Final = re.compile(r"\w+")
MAX_MISSING_SHARE: Final = 0.3
"""The share of the words of the HTML that the plain text of a message may lack, to be read instead."""

HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")


def parse_mail(data: bytes, *, uri: str) -> Parsed:
    """Read a message and those forwarded in it: their text; attachments are named and not read."""
    message = message_from_bytes(data, policy=policy.default)
    outline = Outline()
    names = _add_message(message, outline, uri, 0)
    notes = [f"Its attachment {name} was not read." for name in names]
    return outline.finish(title=_header(message, "Subject"), uri=uri, notes=notes)


def _add_message(message: EmailMessage, outline: Outline, uri: str, depth: int) -> list[str]:
    """Add a message, and return the names of what was not read of it."""
    for name in HEADERS:
        if value := _header(message, name):
            outline.add("row", f"{name}: {value}")
    body = _fuller_body(message, uri)
    if body is not None:
        _add_body(body, outline, uri)
    names = [] if body is not None else _unread_texts(message)
    for part in message.iter_attachments() if message.is_multipart() else ():
        names += _add_part(part, outline, uri, depth)
    outline.add("paragraph", f"Attachments: {', '.join(names)}" if names else "")
    return names


def _add_part(part: EmailMessage, outline: Outline, uri: str, depth: int) -> list[str]:
    """Add what mail programs show below the text: more text, and forwarded messages."""
    is_file = part.get_filename() is not None or part.get_content_disposition() == "attachment"
    if part.get_content_type() == "message/rfc822" and depth < MAX_FORWARDED:
        inner = [each for each in part.iter_parts() if isinstance(each, EmailMessage)]
        return [name for each in inner for name in _add_message(each, outline, uri, depth + 1)]
    if part.get_content_type() in TEXTS and not is_file:
        _add_body(part, outline, uri)
        return []
    return [part.get_filename() or part.get_content_type()]


def _unread_texts(message: EmailMessage) -> list[str]:
    """Return the types of what a message without a text consists of, such as an invitation alone."""
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return [part.get_content_type() for part in leaves if part.get_content_disposition() is None]


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
