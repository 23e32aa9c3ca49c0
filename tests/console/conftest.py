"""The console in Debian's Chromium, against an engine that runs in a thread of its own."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.ai_engine.auth.identity_provider import IdentityProvider, serving_keys
from tests.ai_engine.harness import Service, SteppedModel, serving

from vital_cli.served_report import served_report
from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services

T = TypeVar("T")

PATIENCE_MILLISECONDS = 15_000
"""The longest wait for what a page has to show: the machine may be busy."""

START_SECONDS = 120
"""The longest wait for an engine and what runs beside it, such as a Prometheus that has to see two scrapes."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "console/screenshots"
AXE = (ROOT / "console/node_modules/axe-core/axe.min.js").read_text()
BUILD = ROOT / "src/ai_engine/console/index.html"

ANSWER = """A **Class III** device sustains or supports life, so it needs premarket approval [1].

| Class | Risk | Pathway |
| :--- | :---: | ---: |
| I | low | general controls |
| II | moderate | 510(k) |
| III | high | PMA |

The review takes about 90 days, with $t = \\frac{n}{12}$ months for each round:

```python
def pathway(risk: str) -> str:
    return {"low": "exempt", "moderate": "510(k)"}.get(risk, "PMA")
```
"""


class RunningEngine:
    """An engine whose parts are reached from the tests' own thread."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self._loop = loop
        self.url = f"http://127.0.0.1:{service.port}"
        self.slow: SteppedModel

    def call(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def ask(self, query: str, **fields: Any) -> dict[str, Any]:
        return self.call(lambda: self.service.ask(query, **fields)).json()

    def agent(self, agent_id: str, **fields: Any) -> None:
        profile = {"name": agent_id.title(), "system_prompt": "Answer.", **fields}
        answer = self.call(lambda: self.service.client.put(f"/v1/agents/{agent_id}", json=profile))
        assert answer.status_code == 200, answer.text

    def key(self, tenant: str | None, *scopes: str) -> str:
        return self.call(lambda: self.service.key(tenant, *scopes))["Authorization"].removeprefix("Bearer ")

    def closing_key(self, tenant: str | None, *scopes: str) -> str:
        """Make a key and use it, so that the engine has noticed that it takes one from now on."""
        key = self.key(tenant, *scopes)
        bearer = {"Authorization": f"Bearer {key}"}
        self.call(lambda: self.service.client.get("/v1/session", headers=bearer))
        return key

    def step(self, words: int = 1) -> None:
        self._loop.call_soon_threadsafe(self.slow.step, words)


@asynccontextmanager
async def _tokens_of(provider: IdentityProvider) -> AsyncIterator[dict[str, str]]:
    """Serve a provider's keys, and give the settings of an engine behind a proxy that passes tokens on."""
    async with serving_keys(provider):
        yield provider.settings | {"jwt_header": "X-Forwarded-Access-Token"}


@contextmanager
def running_engine(
    folder: Path,
    *models: Any,
    source: Any = None,
    provider: IdentityProvider | None = None,
    settings: Mapping[str, Any] | None = None,
    beside: Callable[[], AbstractAsyncContextManager[Mapping[str, Any]]] | None = None,
    **options: Any,
) -> Iterator[RunningEngine]:
    """Run an engine in a thread.

    :param settings: those of its services.
    :param beside: starts in its event loop what it needs, and gives more options of the server.
    :param options: of the server.
    """
    ready, stop = threading.Event(), threading.Event()
    made: list[RunningEngine] = []
    slow = SteppedModel(("one", "two", "three"))

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            more = {} if beside is None else await stack.enter_async_context(beside())
            sources = [source or CannedSource([passage("A Class III device needs premarket approval.")])]
            services = await stack.enter_async_context(
                workflow_services(
                    folder,
                    models=[CannedModel(ANSWER), slow, *models],
                    sources=sources,
                    **(settings or {}),
                )
            )
            trusted = {} if provider is None else await stack.enter_async_context(_tokens_of(provider))
            service = await stack.enter_async_context(
                serving(services, reporter=served_report, **trusted, **options, **more)
            )
            engine = RunningEngine(service, asyncio.get_running_loop())
            engine.slow = slow
            made.append(engine)
            ready.set()
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()  # an engine that cannot start is not waited for

    thread = threading.Thread(target=run, name="engine")
    thread.start()
    try:
        assert ready.wait(START_SECONDS), "the engine did not start in time"
        assert made, "the engine did not start"
        yield made[0]
    finally:
        stop.set()
        thread.join(30)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine without keys, with an agent for each model."""
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        running.agent("expert", model="canned")
        running.agent("slow", model="stepped")
        yield running


@contextmanager
def running_browser(*arguments: str) -> Iterator[Browser]:
    """Run Chromium, with further arguments: as long as it lives, its event loop is the running one of this thread."""
    assert BUILD.is_file(), "the console is not built: run `make console`"
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert chromium is not None, "the console is tested in Chromium: run `make browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file."""
    with running_browser() as browser:
        yield browser


def _origins(url: str) -> tuple[str, ...]:
    return ("/".join(url.split("/")[:3]) + "/",)


class Watched:
    """A page that notes whatever must not happen in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self._own = (*_origins(url), "data:")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on(
            "dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss())
        )
        self.page.on("console", self._logged)
        self.page.on("request", self._requested)
        self.page.goto(url)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(self._own):
            self.foreign.append(request.url)

    def _logged(self, message: Any) -> None:
        # A refusal of the engine is logged by the browser itself; the tests look at what the page makes of it.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(f"{message.type}: {message.text}")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open pages in contexts of their own; none may have had an error, or fetched anything from elsewhere."""
    opened: list[Watched] = []

    def open_one(url: str, **options: Any) -> Watched:
        settings = {"viewport": {"width": 1440, "height": 900}} | options
        watched = Watched(browser.new_context(**settings), url)
        opened.append(watched)
        return watched

    yield open_one
    for each in opened:
        each.page.context.close()
    assert [each.faults for each in opened if each.faults] == []
    assert [each.foreign for each in opened if each.foreign] == []


@pytest.fixture
def page(open_page: Callable[..., Watched], engine: RunningEngine) -> Page:
    return open_page(engine.url).page


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def keep(page: Page, name: str) -> None:
    """Keep a screenshot as an artefact."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def axe_findings(page: Page) -> list[str]:
    """Return what axe-core finds serious on a page (WCAG 2.1 A and AA)."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    options = {"runOnly": tags, "resultTypes": ["violations"], "preload": False, "elementRef": False}
    found = page.evaluate("options => axe.run(options)", options)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
