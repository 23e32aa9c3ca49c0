"""The browser while things break: an engine that is killed as it streams, and a model that fails."""

import asyncio
import socket
import threading
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
from playwright.sync_api import Page, expect
from tests.ai_engine.processes import VITAL_SERVE, serving_process, start
from tests.console.conftest import Watched, keep
from tests.console.test_ask import turn
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import Reply, Request, serve
from tests.replicas.replicas import CONFIGURATION, MODEL, HeldProvider

T = TypeVar("T")

BROKEN = "broken-question"

SERVED = """
[workflows]
assistant = { class = "vital_shared:BaseWorkflow", durable = "nodes" }
"""


class FaultyProvider(HeldProvider):
    """Holds back the answers to some questions, and fails at others."""

    def reply(self, request: Request) -> Reply:
        if BROKEN in self.prompt(request):
            return openai.error(400, "This model cannot answer that.")
        return super().reply(request)


class EngineProcess:
    """An engine in a process of its own at one address, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.provider = FaultyProvider()
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine process")
        self._stack = AsyncExitStack()
        self._running: AsyncExitStack | None = None
        self._process: Process
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._open)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def call(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def start(self) -> None:
        self.call(self._start)

    def kill(self) -> None:
        async def kill() -> None:
            self._process.kill()
            await self._process.wait()

        self.call(kill)

    def release(self, word: str) -> None:
        """Let the answer to a question with this word go on."""
        self._loop.call_soon_threadsafe(self.provider.gates[word].set)

    async def _open(self) -> None:
        self.provider.server = await self._stack.enter_async_context(serve(self.provider.reply))
        self._folder.joinpath("vital.toml").write_text(
            CONFIGURATION.format(url=self.provider.server.url) + SERVED
        )

    async def _start(self) -> None:
        await self._end()
        self._running = AsyncExitStack()
        settings: dict[str, Any] = {
            "VITAL_CONFIG": str(self._folder / "vital.toml"),
            "VITAL_PORT": str(self._port),
        }
        self._process = await start(self._folder, VITAL_SERVE, VITAL_MODEL=MODEL, **settings)
        await self._running.enter_async_context(serving_process(self._process))

    async def _end(self) -> None:
        if self._running is not None:
            await self._running.aclose()

    async def _close(self) -> None:
        await self._end()
        await self._stack.aclose()


@pytest.fixture
def engine_process(tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path) as running:
        yield running


def ask(page: Page, question: str) -> None:
    page.get_by_label("Model", exact=True).select_option("")
    page.get_by_label("Question", exact=True).fill(question)
    page.keyboard.press("Enter")


def test_a_stream_goes_on_after_the_engine_was_killed_and_started_again(
    engine_process: EngineProcess, open_page: Callable[..., Watched]
) -> None:
    page = open_page(engine_process.url).page
    ask(page, "Is held-1 safe?")
    answer = turn(page).locator(".answer")
    expect(answer).to_contain_text("It takes")
    engine_process.kill()
    engine_process.release("held-1")
    engine_process.start()
    expect(turn(page)).to_have_attribute("data-phase", "finished", timeout=60_000)
    text = answer.inner_text()
    assert text.count("It takes") == 1
    page.reload()
    expect(answer).to_have_text(text)


def test_a_failing_model_is_said_in_words_and_asked_again(
    engine_process: EngineProcess, open_page: Callable[..., Watched]
) -> None:
    page = open_page(engine_process.url).page
    ask(page, f"Is {BROKEN} answered?")
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    remarks = turn(page).get_by_label("Remarks")
    expect(remarks).to_contain_text("did not answer; another one did")
    expect(turn(page).locator(".facts")).to_contain_text("extractive")
    keep(page, "ask-failing-model")
    turn(page).get_by_role("link", name="Open the run").click()
    page.get_by_role("tab", name="Model calls").click()
    expect(page.locator(".call-line").first).to_contain_text("This model cannot answer that.")
    page.get_by_role("link", name="Ask", exact=True).click()
    ask(page, "Is this one answered?")
    expect(turn(page).locator(".answer")).to_contain_text("42 days")
