"""A provider on a local socket that counts its own calls: a correct one, and one that sends odd answers."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import orjson
from aiohttp import web
from tests.torture.odd_answers import ODD_ANSWERS

__all__ = ["COST_OF_A_CALL_NANOS", "Provider", "running_provider"]

PROMPT_TOKENS: Final = 1_000
COMPLETION_TOKENS: Final = 100
COST_OF_A_CALL_NANOS: Final = PROMPT_TOKENS * 10_000 + COMPLETION_TOKENS * 10_000
"""At ten dollars a million tokens, read and written."""

CONFIGURATION: Final = """
[providers.{name}]
wire = "openai"
base_url = "{url}/{name}/v1"
key_env = ""
attempts = 1
[models."{name}:m"]
calls_tools = {calls_tools}
price = {{ input = "10", output = "10" }}
"""

_QUESTION = re.compile(r"torture-(\d+)")


class Provider:
    """Both models, and how often each question reached the correct one.

    :param seconds: how long the correct model takes to answer.
    """

    def __init__(self, seconds: float) -> None:
        self.begun: Counter[int] = Counter()
        """Calls of the correct model by the number of their question."""
        self.answered: Counter[int] = Counter()
        """Those whose answer was sent to its end."""
        self.odd_calls = 0
        self.url = ""
        self._seconds = seconds
        self._odd = count()

    @property
    def configuration(self) -> str:
        """The providers' part of `vital.toml`."""
        return "".join(
            CONFIGURATION.format(name=name, url=self.url, calls_tools=calls_tools)
            for name, calls_tools in (("good", "false"), ("odd", "true"))
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the correct model, piece by piece."""
        number = int(_QUESTION.findall((await request.read()).decode())[-1])
        self.begun[number] += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        words = f"Question {number} has an answer.".split(" ")
        for word in words:
            await response.write(_event({"choices": [{"index": 0, "delta": {"content": f"{word} "}}]}))
            await asyncio.sleep(self._seconds / len(words))
        await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
        await response.write(_event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
        await response.write_eof()
        self.answered[number] += 1
        return response

    async def answer_oddly(self, request: web.Request) -> web.Response:
        """Send the next odd answer."""
        await request.read()
        self.odd_calls += 1
        body = list(ODD_ANSWERS.values())[next(self._odd) % len(ODD_ANSWERS)]
        return web.Response(body=body, content_type="text/event-stream")


def _event(data: object) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


@asynccontextmanager
async def running_provider(seconds: float) -> AsyncIterator[Provider]:
    """Serve both models on a free port of the loopback address."""
    provider = Provider(seconds)
    app = web.Application(client_max_size=10**8)
    app.router.add_post("/good/v1/chat/completions", provider.answer)
    app.router.add_post("/odd/v1/chat/completions", provider.answer_oddly)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
