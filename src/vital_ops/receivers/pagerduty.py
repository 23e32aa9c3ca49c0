"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/send-alert-event."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from vital_ops.receivers.delivery import Delivery, Inbox, Status

__all__ = ["PAGERDUTY_PATH", "PagerDuty"]

PAGERDUTY_PATH: Final = "/v2/enqueue"

ACTIONS: Final = ("trigger", "acknowledge", "resolve")
SEVERITIES: Final = ("critical", "error", "warning", "info")
KEY_LENGTH: Final = 32
MAX_SUMMARY_CHARACTERS: Final = 1_024
MAX_DEDUP_KEY_CHARACTERS: Final = 255


class PagerDuty:
    """A stand-in that takes events as PagerDuty does, and refuses those that do not fit its description.

    :param inbox: the inbox for events, but for acknowledgements.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a POST of an event."""
        try:
            event = await request.json()
        except ValueError:
            event = None
        errors = list(_errors(event)) if isinstance(event, dict) else ["The body is not a JSON object"]
        if errors:
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(answer, status=HTTPStatus.BAD_REQUEST)
        key = event.get("dedup_key") or uuid.uuid4().hex
        if event["event_action"] != "acknowledge":
            status: Status = "firing" if event["event_action"] == "trigger" else "resolved"
            title = str((event.get("payload") or {}).get("summary", ""))
            self._inbox.put(Delivery("pagerduty", event["routing_key"], status, title, event))
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(answer, status=HTTPStatus.ACCEPTED)


def _errors(event: dict[str, Any]) -> Iterator[str]:
    if len(str(event.get("routing_key", ""))) != KEY_LENGTH:
        yield f"'routing_key' must be {KEY_LENGTH} characters"
    action = event.get("event_action")
    if action not in ACTIONS:
        yield f"'event_action' must be one of {', '.join(ACTIONS)}"
    if len(str(event.get("dedup_key", ""))) > MAX_DEDUP_KEY_CHARACTERS:
        yield f"'dedup_key' must have at most {MAX_DEDUP_KEY_CHARACTERS} characters"
    if action == "trigger":
        yield from _payload_errors(event.get("payload"))
    elif not event.get("dedup_key"):
        yield "'dedup_key' is missing"


def _payload_errors(payload: object) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing"
        return
    if not 0 < len(str(payload.get("summary", ""))) <= MAX_SUMMARY_CHARACTERS:
        yield f"'payload.summary' must have 1 to {MAX_SUMMARY_CHARACTERS} characters"
    if not payload.get("source"):
        yield "'payload.source' is missing or blank"
    if payload.get("severity") not in SEVERITIES:
        yield f"'payload.severity' must be one of {', '.join(SEVERITIES)}"
