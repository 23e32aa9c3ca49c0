"""Long answers in the browser: each piece is worth the same work, however long the answer is by then.

A task is measured by the processor's time that it takes: how long it waits for a processor depends on what else
the machine does. How fast the processor is depends on the machine: a task is compared with parsing a fixed
amount of HTML in the same page. Nothing looks at the page meanwhile, since a look at a long answer is a long task
of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import ROOT, RunningEngine, Watched, running_engine
from tests.console.test_ask import ask, turn

from vital_shared.llm.base import ModelEvent, ModelRequest, Stop, TextDelta

pytestmark = pytest.mark.thorough

CONSOLE = ROOT / "console"

TOKENS = 10_000

SECTION = """## Section {number}

A Class III device sustains or supports **life**, so it needs premarket approval before it is sold [1].

| Class | Risk | Pathway |
| :--- | :---: | ---: |
| I | low | general controls |
| II | moderate | 510(k) |

- the *first* of the points of this section, with `code`
- the second one, with a [link](https://example.com/{number})

```python
def pathway{number}(risk: str) -> str:
    return "PMA"
```

"""

LIST = "".join(f"{number}. a point of a list without an end, with **weight**\n" for number in range(1, 1_001))

FLOOR = "() => { document.createElement('div').innerHTML = '<p><b>A</b> paragraph</p>'.repeat(30_000) }"
"""The work of a task that others are compared with: some 50 ms on a machine where 100 ms are felt as a wait."""

MAX_TASK_SHARE = 4.0
"""Limit of the longest task, as a multiple of the floor; a loaded machine needs some room."""

MAX_DRAWN_CHARACTERS = 1_500 + 2 * 2_100
"""Characters drawn at once: those of a frame, the block that goes beyond them, and the one that was open."""

WATCH = """
window.isDrawn = new Promise((resolve) => (window.noteDrawn = resolve));
window.drawnAgain = new Map();
window.drawnAtOnce = [0];
const isBlock = (node) => node.parentElement?.matches(".answer") ?? false;
new MutationObserver((records) => {
    const changed = new Set(records.flatMap(({ target, addedNodes }) => [target, ...addedNodes]).filter(isBlock));
    const added = new Set(records.flatMap(({ addedNodes }) => [...addedNodes]));
    if ([...changed].some((block) => block.textContent.includes("ALL BUT THE END"))) noteDrawn();
    drawnAtOnce.push([...changed].reduce((sum, block) => sum + block.textContent.length, 0));
    for (const block of changed)
        if (!added.has(block) && block.nextElementSibling) drawnAgain.set(block, 1 + (drawnAgain.get(block) ?? 0));
}).observe(document, { childList: true, subtree: true });
"""
"""Note when all is drawn, what is drawn at once, and how often a block is drawn that is not the last one any more."""


def answer_of(text: str) -> tuple[str, ...]:
    """Cut a text into as many tokens as a long answer has."""
    whole = "".join(text.format(number=number) for number in range(1 + 4 * TOKENS // len(text)))
    return tuple(whole[at : at + 4] for at in range(0, 4 * TOKENS, 4))


class WritingModel:
    """A model that writes a long answer as fast as it can, and its end when the test says so."""

    calls_tools = False

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tokens = answer_of(text)
        self.is_written = asyncio.Event()
        self.may_end = asyncio.Event()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        for token in self.tokens:
            yield TextDelta(text=token)
            await asyncio.sleep(0)
        yield TextDelta(text="\n\nALL BUT THE END")
        self.is_written.set()
        await self.may_end.wait()
        yield TextDelta(text="\n\nTHE VERY END")
        yield Stop(reason="end")


MODELS = {"sections": WritingModel("sections", SECTION), "list": WritingModel("list", LIST)}


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("writing"), *MODELS.values()) as running:
        for name in MODELS:
            running.agent(name, model=name)
        yield running
        # What a failed test has left waiting would keep the engine from ending.
        for model in MODELS.values():
            running.call(lambda model=model: asyncio.sleep(0, model.may_end.set()))


@contextmanager
def tasks_of(page: Page, what: str) -> Iterator[list[float]]:
    """Trace a page; afterwards the list has the milliseconds of the processor that each of its tasks took."""
    found: list[float] = []
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    try:
        yield found
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
    names = {
        (each["pid"], each["tid"]): each["args"]["name"] for each in events if each["name"] == "thread_name"
    }
    found += [
        each.get("tdur", 0) / 1_000
        for each in events
        if each["name"].endswith("RunTask") and names[each["pid"], each["tid"]] == "CrRendererMain"
    ]
    longest = sorted(map(round, found), reverse=True)[:8]
    print(f"{what}: {len(found)} tasks, the longest took {longest} ms")  # noqa: T201


def floor_of(page: Page) -> float:
    """Return the milliseconds of the processor that the floor takes in a page: the median of five."""
    taken = []
    for _ in range(5):
        with tasks_of(page, "floor") as tasks:
            page.evaluate(FLOOR)
        taken.append(max(tasks))
    return median(taken)


def drawn(page: Page) -> dict[str, int]:
    """Return what was drawn, once all is that may come."""
    return page.evaluate(
        "isDrawn.then(() => ({ again: Math.max(0, ...drawnAgain.values()), at_once: Math.max(...drawnAtOnce) }))"
    )


@pytest.mark.parametrize("name", list(MODELS))
def test_a_long_answer_is_drawn_in_parts_of_bounded_work(
    writing: RunningEngine, open_page: Callable[..., Watched], name: str
) -> None:
    model, page = MODELS[name], open_page(writing.url).page
    page.context.add_init_script(WATCH)
    page.reload()
    longest = MAX_TASK_SHARE * floor_of(page)
    with tasks_of(page, f"{name}, streamed") as tasks:
        ask(page, f"Tell me all, as {name}.", agent=name)
        streamed = drawn(page)
    assert max(tasks) <= longest
    assert streamed["again"] <= 1  # with the text by which it ends
    assert streamed["at_once"] <= MAX_DRAWN_CHARACTERS
    with tasks_of(page, f"{name}, read again") as tasks:
        page.reload()  # all of it comes at once
        again = drawn(page)
    assert max(tasks) <= longest
    expect(turn(page)).to_have_attribute("data-phase", "running")
    assert again["again"] <= 1
    assert again["at_once"] <= MAX_DRAWN_CHARACTERS
    writing.call(lambda: asyncio.sleep(0, model.may_end.set()))
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    expect(turn(page).locator(".answer")).to_contain_text("THE VERY END")


def test_a_list_in_parts_counts_on(writing: RunningEngine, open_page: Callable[..., Watched]) -> None:
    writing.call(lambda: asyncio.sleep(0, MODELS["list"].may_end.set()))
    page = open_page(writing.url).page
    ask(page, "Tell me all, to the end.", agent="list")
    expect(turn(page).locator(".answer")).to_contain_text("THE VERY END", timeout=60_000)
    parts = page.evaluate(
        "[...document.querySelectorAll('.answer ol')].map((list) => [list.start, list.children.length])"
    )
    assert len(parts) > 5
    assert [first for first, _ in parts] == [
        1 + sum(length for _, length in parts[:at]) for at in range(len(parts))
    ]


TEXTS = {
    "sections": "".join(SECTION.format(number=number) for number in range(3)),
    "list": "Points:\n" + LIST[:9_000],
    "bullets": "- one\n\n  more of it\n- two\n  - below\n\n3. three\n\nend\n" + "* point of many\n" * 200,
    "same numbers": "1. a point\n   with a line more\n\n" * 120,
    "code": "Code:\n\n```\n- no item\n\n1. none\n```\n\n```python\nx = 1\n\n\ny\n```\nafter\n\n$$\nx\n\ny\n$$\n\nend",
    "blank": "\n\n\none\n\n\n\ntwo\n\n1\n\n1. one\n\n2",
}

CUT_GROWING = """
const text = JSON.parse(process.argv[1]);
const { cut, NOTHING_CUT } = await import(process.argv[2]);
let grown = NOTHING_CUT, reread = 0;
for (let length = 1; length <= text.length; length++) {
    const before = new Set(grown.blocks);
    grown = cut(text.slice(0, length), grown);
    reread = Math.max(reread, grown.blocks.filter((block) => !before.has(block)).length);
    const whole = cut(text.slice(0, length), NOTHING_CUT);
    if (JSON.stringify(grown) !== JSON.stringify(whole)) throw new Error(JSON.stringify([grown, whole]));
}
if (grown.blocks.map(({ text }) => text).join("\\n") !== text) throw new Error("something is lost");
console.log(JSON.stringify({ reread, blocks: grown.blocks }));
"""


@pytest.fixture(scope="module")
def blocks_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("blocks")
    options = ("--target", "es2023", "--module", "esnext", "--lib", "es2023", "--typeRoots", "none")
    command = ["node_modules/.bin/tsc", "src/answer/blocks.ts", "--outDir", made, *options]
    subprocess.run(command, cwd=CONSOLE, check=True)
    return (made / "blocks.js").rename(made / "blocks.mjs")


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_text_that_grows_is_cut_as_if_it_came_at_once(blocks_module: Path, name: str) -> None:
    """Each character more looks at no more than the last two blocks."""
    command = ["node", "--input-type=module", "--eval", CUT_GROWING, json.dumps(TEXTS[name]), blocks_module]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["reread"] <= 3
    if name == "same numbers":
        assert found["blocks"][1]["goesOnAt"] == 1 + found["blocks"][0]["text"].count("1. ")
