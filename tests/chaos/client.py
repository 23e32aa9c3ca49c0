"""A careful client: it asks with a key, reads, goes to another replica where one is silent, and goes on there."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import aiohttp
from tests.chaos.question import Question
from tests.chaos.stream import Chat, read_chat, read_events

__all__ = ["Client"]

LONGEST_WAIT_SECONDS: Final = 150.0
"""A question without an answer by then counts as unanswered."""

SILENCE_SECONDS: Final = 7.0
"""A stream without a heartbeat for this long is read from another replica; heartbeats come every two seconds."""

ANSWER_SECONDS: Final = 40.0
"""The time that a request without a stream waits before it is sent again, to another replica."""

PAUSE_SECONDS: Final = 0.3

SSE: Final = {"Accept": "text/event-stream"}

FAILURES: Final = (aiohttp.ClientError, ConnectionError, TimeoutError)


class Client:
    """A client of all replicas.

    :param urls: where they listen.
    """

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str]) -> None:
        self._session = session
        self._urls = urls

    async def ask(self, question: Question) -> None:
        """Ask until the question is answered, and note how it went."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await self._way(question)(question)
        except TimeoutError:
            question.error = f"no answer in time; the last: {question.error or 'nothing'}"
        question.seconds = time.monotonic() - began

    def _way(self, question: Question) -> Callable[[Question], Awaitable[None]]:
        if question.kind.is_chat:
            return self._chat
        return self._streamed if question.kind.is_streamed else self._at_once

    # In OpenAI's dialect

    async def _chat(self, question: Question) -> None:
        """Ask until a stream comes to its end: this dialect cannot go on with one that broke off."""
        while True:
            chat = Chat()
            try:
                await self._post_chat(question, chat)
            except FAILURES as error:
                chat.error = f"{type(error).__name__}: {error}"
            except Refused as refused:
                chat.error = str(refused)
                if not refused.is_temporary:
                    question.error = chat.error
                    return
                await asyncio.sleep(refused.wait_seconds)
            question.run_id = chat.run_id or question.run_id
            if chat.finish_reason == "stop" and not chat.error:
                question.output, question.error = {"status": "completed", "response": chat.text}, ""
                question.stream.take_text(chat.text)
                return
            question.error = chat.error or "the chunks ended before the answer"
            question.reconnects += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _post_chat(self, question: Question, chat: Chat) -> None:
        async with self._session.post(
            self._any(question.kind.path),
            json=question.body,
            headers={"Idempotency-Key": question.key, "X-Tenant-ID": question.tenant},
            timeout=aiohttp.ClientTimeout(sock_read=SILENCE_SECONDS, sock_connect=SILENCE_SECONDS),
        ) as response:
            await _check(response)
            await read_chat(response, chat)

    # With a stream

    async def _streamed(self, question: Question) -> None:
        await self._read_part(question, question.kind.path, question.body, question.key)
        if _is_paused(question):
            resume = f"/v1/runs/{question.run_id}/resume"
            await self._read_part(question, resume, _decision(question), f"{question.key}-resume")

    async def _read_part(self, question: Question, path: str, body: object, key: str) -> None:
        """Read a part of the run to its end: the one that a request begins, or the one that it resumes."""
        before, is_first = question.stream.last, True
        while True:
            try:
                if question.stream.last > before:
                    await self._follow(question)
                else:
                    await self._post(question, path, body, key, repeats=not is_first)
                if question.stream.end is not None and question.stream.last > before:
                    self._note_end(question)
                    return
                question.error = "the stream ended before its run"
            except FAILURES as error:
                question.error = f"{type(error).__name__}: {error}"
            except Refused as refused:
                question.error = str(refused)
                if not refused.is_temporary:
                    return
                await asyncio.sleep(refused.wait_seconds)
            is_first = False
            question.reconnects += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _post(self, question: Question, path: str, body: object, key: str, *, repeats: bool) -> None:
        async with self._session.post(
            self._any(path),
            json=body,
            headers=SSE | {"Idempotency-Key": key},
            timeout=aiohttp.ClientTimeout(sock_read=SILENCE_SECONDS, sock_connect=SILENCE_SECONDS),
        ) as response:
            await self._read(question, response, repeats=repeats)

    async def _follow(self, question: Question) -> None:
        async with self._session.get(
            self._any(f"/v1/runs/{question.run_id}/events"),
            headers=SSE | {"Last-Event-ID": str(question.stream.last), "X-Tenant-ID": question.tenant},
            timeout=aiohttp.ClientTimeout(sock_read=SILENCE_SECONDS, sock_connect=SILENCE_SECONDS),
        ) as response:
            await self._read(question, response, repeats=False)

    async def _read(self, question: Question, response: aiohttp.ClientResponse, *, repeats: bool) -> None:
        await _check(response)
        async for event in read_events(response):
            question.run_id = question.run_id or event["run_id"]
            question.stream.take(event, question.run_id, repeats=repeats)

    def _note_end(self, question: Question) -> None:
        end = question.stream.end or {}
        if end["type"] == "run_failed":
            question.error = f"run_failed: {end['error_type']}: {end['message']}"
        else:
            question.output, question.error = end["output"], ""

    # Without one

    async def _at_once(self, question: Question) -> None:
        await self._answered(question, question.kind.path, question.body, question.key)
        if _is_paused(question):
            resume = f"/v1/runs/{question.run_id}/resume"
            await self._answered(question, resume, _decision(question), f"{question.key}-resume")

    async def _answered(self, question: Question, path: str, body: object, key: str) -> None:
        """Ask until there is an answer; a run that had begun, and of which the client learns, is the same."""
        while True:
            try:
                question.output = await self._post_once(path, body, key)
            except FAILURES as error:
                question.error = f"{type(error).__name__}: {error}"
            except Refused as refused:
                question.error = str(refused)
                if not refused.is_temporary:
                    return
                await asyncio.sleep(refused.wait_seconds)
            else:
                question.run_id, question.error = question.output["run_id"], ""
                return
            question.reconnects += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _post_once(self, path: str, body: object, key: str) -> dict[str, Any]:
        async with self._session.post(
            self._any(path),
            json=body,
            headers={"Idempotency-Key": key},
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        ) as response:
            await _check(response)
            answer: dict[str, Any] = await response.json()
            return answer

    def _any(self, path: str) -> str:
        return f"{random.choice(self._urls)}{path}"


class Refused(Exception):
    """An answer that is no success.

    :param is_temporary: whether the engine says that the same request may be sent again.
    """

    def __init__(self, message: str, wait_seconds: float, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.is_temporary = is_temporary


async def _check(response: aiohttp.ClientResponse) -> None:
    """Take a success alone.

    :raises Refused: for all else.
    """
    if response.status == 200:
        return
    after = response.headers.get("Retry-After")
    text = (await response.text())[:300]
    raise Refused(
        f"{response.status} {text}",
        float(after or 0),
        is_temporary=after is not None or response.status == 204,
    )


def _is_paused(question: Question) -> bool:
    return question.output is not None and question.output["status"] == "awaiting_approval"


def _decision(question: Question) -> dict[str, Any]:
    if question.kind.path.endswith("approved/runs"):
        return {"answers": {"verdict": True}}
    return {"approved": "all"}
