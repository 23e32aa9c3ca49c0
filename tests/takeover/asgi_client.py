"""A client within the engine's process, whose notes of what it was sent outlive that."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.applications import Starlette
from tests.takeover.acting_flow import PAYEES
from tests.takeover.line_file import LineFile

__all__ = ["AsgiClient"]

PAUSE_SECONDS: Final = 0.05

LONGEST_SECONDS: Final = 40.0

PAID: Final = [{"status": "success", "value": payee, "error": None, "seconds": 0.0} for payee in PAYEES]

ENDS: Final = frozenset({"run_finished", "run_paused", "run_failed"})


class AsgiClient:
    """A client that goes on where the one before it was, should its process have died.

    :param app: started.
    :param seen: a line for each event that came.
    :param key: its idempotency key.
    """

    def __init__(self, app: Starlette, seen: LineFile, key: str = "key") -> None:
        self._app = app
        self._seen = seen
        self._key = key
        self._refusal = ""

    async def finish(self, flow: str, body: dict[str, Any]) -> None:
        """Ask, or go on reading, until the run has ended.

        :raises TimeoutError: when it has not, with the last refusal.
        """
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._until_ended(flow, body)
        except TimeoutError as error:
            raise TimeoutError(f"The last refusal was: {self._refusal}") from error

    async def _until_ended(self, flow: str, body: dict[str, Any]) -> None:
        while True:
            events = self._seen.read()
            end = events[-1] if events and events[-1]["type"] in ENDS else None
            if end is None or end["type"] == "run_paused":
                await self._step(events, flow, body)
            else:
                return

    async def _step(self, events: list[dict[str, Any]], flow: str, body: dict[str, Any]) -> None:
        if not events:
            status = await self._send(
                "POST", f"/v1/workflows/{flow}/runs", body, {"idempotency-key": self._key}
            )
        elif events[-1]["type"] == "run_paused" and not await self._is_resumed(events[-1]["run_id"]):
            pause = events[-1]
            answers = {"answers": _decisions(pause)}
            key = {"idempotency-key": f"resume {pause['seq']}"}
            status = await self._send("POST", f"/v1/runs/{pause['run_id']}/resume", answers, key)
        else:
            path = f"/v1/runs/{events[-1]['run_id']}/events"
            status = await self._send("GET", path, None, {"last-event-id": str(events[-1]["seq"])})
        if status != 200:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _is_resumed(self, run_id: str) -> bool:
        body = bytearray()
        await self._call("GET", f"/v1/runs/{run_id}", None, {}, body.extend)
        return bool(json.loads(body)["status"] != "awaiting_approval")

    async def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> int:
        """Send a request, note the events that come, and return the status."""
        left = bytearray()

        def take(piece: bytes) -> None:
            left.extend(piece)
            while (end := left.find(b"\n\n")) >= 0:
                self._note(bytes(left[:end]))
                del left[: end + 2]

        return await self._call(method, path, body, {"accept": "text/event-stream"} | headers, take)

    def _note(self, frame: bytes) -> None:
        for line in frame.splitlines():
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                if event.get("seq") is not None:
                    self._seen.add(**event)

    async def _call(self, method: str, path: str, body: Any, headers: dict[str, str], take: Any) -> int:
        sent = json.dumps(body).encode() if body is not None else b""
        given = {
            "host": "127.0.0.1",
            "content-type": "application/json",
            "content-length": str(len(sent)),
        } | headers
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        requests = [{"type": "http.request", "body": sent, "more_body": False}]
        status = 0

        async def receive() -> dict[str, Any]:
            if requests:
                return requests.pop()
            await asyncio.Event().wait()  # it stays
            raise AssertionError

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status == 200:
                take(message.get("body", b""))
            else:
                self._refusal = f"{status} {message.get('body', b'').decode()}"

        await self._app(scope, receive, send)
        return status


def _decisions(pause: dict[str, Any]) -> dict[str, Any]:
    """Answer what a run waits for: a cut-off fan-out has happened, and another effect has not."""
    done = {"decision": "done", "value": PAID}
    cut = {"paid": done}
    return {
        each["name"]: cut.get(each["name"], {"decision": "repeat"}) if _is_cut_off(each) else True
        for each in pause["output"]["required_input"]
    }


def _is_cut_off(required: dict[str, Any]) -> bool:
    return isinstance(required["value"], dict) and "interrupted" in required["value"]
