"""A mail server (SMTP, RFC 5321) that keeps what comes, and sends nothing on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from vital_ops.receivers.delivery import Delivery, Inbox, status_of

__all__ = ["serve_mail"]

HOST: Final = "127.0.0.1"
MAX_MAIL_BYTES: Final = 1_000_000
IDLE_SECONDS: Final = 60.0


class Mailbox:
    """A mail server that takes each mail, for any recipient.

    :param inbox: the inbox for mails.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        body = mail.get_body(preferencelist=("plain", "html"))
        title = str(mail["Subject"] or "")
        text = "" if body is None else str(body.get_content())
        self._inbox.put(Delivery("email", ", ".join(envelope.rcpt_tos), status_of(title), title, text))
        return "250 OK: kept"


@asynccontextmanager
async def serve_mail(inbox: Inbox) -> AsyncIterator[int]:
    """Serve on a free port of loopback, and give the port."""
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        new = SMTP(
            Mailbox(inbox),
            hostname="localhost",
            data_size_limit=MAX_MAIL_BYTES,
            timeout=IDLE_SECONDS,
            loop=loop,
        )
        sessions.append(new)
        return new

    server = await loop.create_server(session, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in sessions:
            if each.transport is not None:
                each.transport.close()
        await server.wait_closed()
