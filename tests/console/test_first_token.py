"""The first token of an answer is seen soon after it has reached the browser, as the browser itself measures it."""

from collections.abc import Callable
from statistics import median

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched
from tests.console.test_ask import ask, turn

pytestmark = pytest.mark.thorough

MAX_MILLISECONDS = 100
"""Time from the arrival of the first token to its picture."""

ROUNDS = 5

WATCH = """
window.arrived = [];
window.seen = [];
const ask = window.fetch;
window.fetch = async (...given) => {
    const response = await ask(...given);
    if (!response.headers.get("content-type")?.includes("event-stream")) return response;
    const [watched, used] = response.body.tee();
    void note(watched.pipeThrough(new TextDecoderStream()).getReader(), arrived.length);
    return new Response(used, response);
};
async function note(reader, number) {
    for (let text = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        text += value;
        if (arrived[number] === undefined && text.includes('"text":"one')) arrived[number] = performance.now();
    }
}
new MutationObserver(() => {
    const number = seen.length;
    if (document.querySelectorAll(".answer").length <= number) return;
    seen.push(Infinity);
    requestAnimationFrame(() => setTimeout(() => (seen[number] = performance.now()))); // once it is painted
}).observe(document, { childList: true, subtree: true, characterData: true });
"""
"""Note when the first token of each answer arrives, and when it can be seen."""


def waits(page: Page) -> list[float]:
    return page.evaluate("seen.map((time, number) => time - arrived[number])")


def test_the_first_token_is_seen_at_once(engine: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(engine.url).page
    page.add_init_script(WATCH)
    page.reload()
    for number in range(ROUNDS):
        ask(page, f"A slow one, for the {number}th time?", agent="slow")
        expect(turn(page)).to_have_attribute("data-phase", "running")
        engine.step()
        page.wait_for_function("number => seen[number] < Infinity", arg=number)
        engine.step(2)
        expect(turn(page)).to_have_attribute("data-phase", "finished")
    found = waits(page)
    print(f"from arrival to picture: {[round(each) for each in found]} ms")  # noqa: T201
    assert len(found) == ROUNDS
    assert all(each > 0 for each in found)
    assert median(found) <= MAX_MILLISECONDS
