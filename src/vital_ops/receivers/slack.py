"""Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from vital_ops.receivers.delivery import Delivery, Inbox, status_of

__all__ = ["ARCHIVED", "SLACK_PATH", "Slack"]

SLACK_PATH: Final = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

MAX_ATTACHMENTS: Final = 100

ARCHIVED: Final = "ForArchivedChannel"
"""A message with this in its title is for a channel that was archived, so it is refused."""


class Slack:
    """A stand-in that takes messages as Slack does, and refuses those that Slack refuses, in its words.

    :param inbox: the inbox for messages.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a POST to a webhook's path."""
        try:
            message = await request.json()
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return web.Response(status=400, text="invalid_payload")
        if request.path != SLACK_PATH:
            return web.Response(status=404, text="no_service")
        if not any(message.get(part) for part in ("text", "blocks", "attachments")):
            return web.Response(status=400, text="no_text")
        if len(message.get("attachments") or ()) > MAX_ATTACHMENTS:
            return web.Response(status=400, text="too_many_attachments")
        title = _title(message)
        if ARCHIVED in title:
            return web.Response(status=410, text="channel_is_archived")
        self._inbox.put(Delivery("slack", request.path, status_of(title), title, message))
        return web.Response(text="ok")


def _title(message: dict[str, Any]) -> str:
    """Return what a reader sees first."""
    if message.get("text"):
        return str(message["text"])
    first = (message.get("attachments") or [{}])[0]
    return str(first.get("title") or first.get("fallback") or "")
