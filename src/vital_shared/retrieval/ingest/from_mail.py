"""Mail: its sender, recipients and text, and the names of attachments."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.from_html import add_html
from vital_shared.retrieval.ingest.lines import paragraphs, usual_width

__all__ = ["parse_mail"]

HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")


def parse_mail(data: bytes, *, uri: str) -> Parsed:
    """Read a message: its plain text, or else its HTML; attachments are named and not read."""
    message = message_from_bytes(data, policy=policy.default)
    outline = Outline()
    for name in HEADERS:
        if value := str(message.get(name) or "").strip():
            outline.add("row", f"{name}: {value}")
    body = message.get_body(("plain", "html"))
    if isinstance(body, EmailMessage):
        _add_body(body, outline, uri)
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    outline.add("paragraph", f"Attachments: {', '.join(names)}" if names else "")
    notes = [f"Its attachment {name} was not read." for name in names]
    return outline.finish(title=str(message.get("Subject") or ""), uri=uri, notes=notes)


def _add_body(body: EmailMessage, outline: Outline, uri: str) -> None:
    payload = body.get_payload(decode=True)
    text = decode(
        payload if isinstance(payload, bytes) else b"", uri=uri, declared=body.get_content_charset()
    )
    if body.get_content_type() == "text/html":
        add_html(outline, text)
        return
    lines = text.splitlines()
    for kind, block in paragraphs(lines, width=usual_width(lines)):
        outline.add(kind, block)
