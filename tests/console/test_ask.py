"""Asking in the browser: answers, sources, decisions, stops, reloads."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched, keep, running_engine

from vital_shared.testing import CannedModel

ONE_LINE_PIXELS = 30
"""The height of one line of small text, with room to spare."""

SUM = "Calculate 12.5 % of 3,400"


def ask(page: Page, question: str, *, agent: str = "expert", mode: str = "4") -> None:
    page.get_by_label("Agent", exact=True).select_option(agent)
    page.get_by_label("Mode", exact=True).select_option(mode)
    page.get_by_label("Question", exact=True).fill(question)
    page.keyboard.press("Enter")


def turn(page: Page, number: int = -1):
    return page.locator("article.turn").nth(number)


@pytest.mark.parametrize("mode", ["4", "2"])
def test_a_question_is_answered_with_its_sources_and_facts(page: Page, mode: str) -> None:
    ask(page, f"Which evidence does a Class III device need, in mode {mode}?", mode=mode)
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    answer = turn(page).locator(".answer")
    expect(answer.locator("table td").first).to_have_text("I")
    expect(answer.locator("strong")).to_have_text("Class III")
    expect(answer.locator("math")).to_have_count(1)
    expect(answer.locator(".hljs-keyword").first).to_have_text("def")
    answer.get_by_role("button", name="Source 1").click()
    expect(turn(page).locator(".source-shown blockquote")).to_contain_text("premarket approval")
    expect(turn(page).locator(".facts")).to_contain_text("canned")
    expect(page.locator(".inspector .waterfall-row").first).to_be_visible()
    keep(page, f"ask-mode-{mode}")


BROKEN_WORDS = """table => {
    const range = document.createRange(), broken = [];
    const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode())
        for (const word of text.data.matchAll(/\\S+/g)) {
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map(each => each.top)).size > 1) broken.push(word[0]);
        }
    return broken;
}"""
"""The words of a table that go on in another line."""


def test_a_table_on_a_narrow_screen_breaks_no_word_and_is_scrolled(page: Page) -> None:
    ask(page, "Which evidence does a Class III device need?")
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    page.set_viewport_size({"width": 280, "height": 600})
    table = turn(page).locator(".answer table")
    assert table.evaluate(BROKEN_WORDS) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 280


def test_a_conversation_goes_on_and_is_there_after_a_reload(page: Page) -> None:
    ask(page, "What is a predicate device?")
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    ask(page, "And for class III?")
    expect(turn(page, 1)).to_have_attribute("data-phase", "finished")
    expect(page.locator(".entry-current")).to_contain_text("What is a predicate device?")
    page.reload()
    expect(page.locator("article.turn")).to_have_count(2)
    expect(turn(page).locator(".question")).to_have_text("And for class III?")
    expect(turn(page).locator(".answer table")).to_be_visible()


def test_the_stream_goes_on_after_a_reload(page: Page, engine: RunningEngine) -> None:
    ask(page, "A slow one?", agent="slow")
    engine.step()
    expect(turn(page).locator(".answer")).to_contain_text("one")
    page.reload()
    expect(turn(page).locator(".answer")).to_contain_text("one")
    expect(turn(page)).to_have_attribute("data-phase", "running")
    engine.step(2)
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    expect(turn(page).locator(".answer")).to_contain_text("one two three")


def test_an_answer_is_stopped_midway_and_asked_again(page: Page, engine: RunningEngine) -> None:
    ask(page, "Another slow one?", agent="slow")
    engine.step()
    expect(turn(page).locator(".answer")).to_contain_text("one")
    page.get_by_role("button", name="Stop").click()
    expect(turn(page).locator(".notice")).to_contain_text("Stopped.")
    turn(page).locator(".notice").get_by_role("button", name="Ask again").click()
    expect(page.locator("article.turn")).to_have_count(2)
    engine.step(3)
    expect(turn(page)).to_have_attribute("data-phase", "finished")


def test_tool_calls_are_approved(page: Page) -> None:
    ask(page, SUM, mode="3")
    form = page.get_by_role("form", name="Your decision")
    expect(form).to_contain_text("calculator")
    keep(page, "ask-approval")
    form.get_by_role("button", name=re.compile("Run it")).click()
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    expect(page.locator(".inspector .tool-result")).to_contain_text("425")


def test_arguments_are_edited_before_the_call(page: Page) -> None:
    ask(page, SUM, mode="1")
    form = page.get_by_role("form", name="Your decision")
    form.get_by_label("Edit").check()
    form.get_by_label("Expression").fill("6 * 7")
    form.get_by_role("button", name=re.compile("Run it")).click()
    expect(page.locator(".inspector .tool-result")).to_contain_text("42")


def test_a_call_is_denied_with_a_reason(page: Page, engine: RunningEngine) -> None:
    ask(page, SUM, mode="3")
    form = page.get_by_role("form", name="Your decision")
    form.get_by_label("Deny").check()
    form.get_by_label("Reason").fill("We have this number.")
    form.get_by_role("button", name="Go on without tools").click()
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    run_id = turn(page).get_attribute("data-run")
    shown = engine.call(lambda: engine.service.client.get(f"/v1/runs/{run_id}")).json()
    assert [(each["kind"], each["reason"], each["user_id"]) for each in shown["decisions"]] == [
        ("denied", "We have this number.", "console")
    ]


def test_a_run_that_waits_still_waits_after_a_reload(page: Page) -> None:
    ask(page, SUM, mode="3")
    form = page.get_by_role("form", name="Your decision")
    expect(form).to_be_visible()
    page.reload()
    form.get_by_role("button", name=re.compile("Run it")).click()
    expect(turn(page)).to_have_attribute("data-phase", "finished")


def test_an_answer_is_judged_with_a_comment(page: Page, engine: RunningEngine) -> None:
    ask(page, "Is this good?")
    expect(turn(page)).to_have_attribute("data-phase", "finished")
    turn(page).get_by_role("button", name="Bad answer").click()
    expect(turn(page).get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    turn(page).get_by_label("Comment on the answer").fill("It misses class II.")
    turn(page).get_by_role("button", name="Send").click()
    expect(turn(page).get_by_label("Comment on the answer")).to_have_count(0)
    run_id = turn(page).get_attribute("data-run")
    kept = engine.call(lambda: engine.service.client.get(f"/v1/runs/{run_id}/feedback")).json()["feedback"]
    assert [(each["value"], each["comment"]) for each in kept] == [(False, "It misses class II.")]


def test_conversations_are_found_renamed_and_deleted(page: Page, engine: RunningEngine) -> None:
    engine.ask("Which catheters are exempt?", mode=4, session_id="catheters")
    page.reload()
    page.get_by_label("Search conversations").fill("catheters")
    entry = page.locator(".entry")
    expect(entry).to_have_count(1)
    page.get_by_role("button", name="Actions for Which catheters are exempt?").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Title").fill("Exempt catheters")
    page.get_by_role("button", name="Rename").click()
    expect(entry).to_contain_text("Exempt catheters")
    page.get_by_role("button", name="Actions for Exempt catheters").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(entry).to_have_count(0)


def delete(page: Page, title: str) -> None:
    page.get_by_role("button", name=f"Actions for {title}").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".entry").get_by_text(title)).to_have_count(0)


def test_the_focus_goes_on_after_a_conversation_is_deleted(page: Page, engine: RunningEngine) -> None:
    for name in ("stent", "valve", "pump"):
        engine.ask(f"Which {name} is a focused device?", mode=4, session_id=f"focus-{name}")
    page.reload()
    page.get_by_label("Search conversations").fill("a focused device")
    expect(page.locator(".entry")).to_have_count(3)
    delete(page, "Which valve is a focused device?")
    expect(page.locator(".entry > a").nth(1)).to_be_focused()
    delete(page, "Which stent is a focused device?")
    expect(page.locator(".entry > a")).to_be_focused()
    page.locator(".entry > a").click()
    expect(page.locator(".entry-current")).to_have_count(1)
    delete(page, "Which pump is a focused device?")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()


def test_all_of_it_is_done_by_keyboard(page: Page) -> None:
    page.get_by_label("Mode", exact=True).select_option("3")
    page.get_by_label("Agent", exact=True).select_option("expert")
    page.get_by_label("Question", exact=True).focus()
    page.keyboard.type(SUM)
    page.keyboard.press("Enter")
    form = page.get_by_role("form", name="Your decision")
    form.get_by_label("Approve").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(form.get_by_label("Deny")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(form.get_by_label("Approve")).to_be_checked()
    form.get_by_role("button", name=re.compile("Run it")).focus()
    page.keyboard.press("Enter")
    expect(turn(page)).to_have_attribute("data-phase", "finished")


def test_remarks_take_one_line_and_are_opened_by_keyboard(page: Page) -> None:
    ask(page, "Which remarks does a short answer have?", mode="2")
    remarks = turn(page).get_by_role("note", name="Remarks")
    first = remarks.locator("summary")
    expect(first).to_contain_text("The documents do not hold an answer")
    expect(first).to_contain_text(re.compile(r"and \d more"))
    box = remarks.bounding_box()
    assert box is not None
    assert box["height"] <= ONE_LINE_PIXELS
    first.press("Enter")
    expect(remarks.get_by_role("listitem").last).to_contain_text("The price of the model")
    expect(remarks.get_by_role("listitem").last).to_be_visible()
    expect(turn(page).locator(".facts")).to_contain_text("Not known")  # the cost, without a price
    keep(page, "ask-remarks")


def test_a_decision_that_does_not_arrive_can_be_taken_again(
    open_page: Callable[..., Watched], engine: RunningEngine
) -> None:
    page = open_page(engine.url).page
    ask(page, SUM, mode="1")
    form = page.get_by_role("form", name="Your decision")
    form.get_by_label("Edit").check()
    form.get_by_label("Expression").fill("6 * 7")
    page.route("**/resume", lambda route: route.abort())
    form.get_by_role("button", name=re.compile("Run it")).click()
    expect(turn(page).get_by_role("alert")).to_contain_text("The engine does not answer.")
    expect(form.get_by_label("Expression")).to_have_value("6 * 7")
    page.unroute("**/resume")
    form.get_by_role("button", name=re.compile("Run it")).click()
    expect(page.locator(".inspector .tool-result")).to_contain_text("42")


def test_an_unfinished_answer_goes_on_in_another_tab(
    open_page: Callable[..., Watched], engine: RunningEngine
) -> None:
    page = open_page(engine.url).page
    ask(page, "A slow one in two tabs?", agent="slow")
    engine.step()
    expect(turn(page).locator(".answer")).to_contain_text("one")
    other = open_page(page.url).page  # shares nothing with the first but the address
    expect(turn(other).locator(".answer")).to_contain_text("one")
    expect(turn(other)).to_have_attribute("data-phase", "running")
    engine.step(2)
    for each in (page, other):
        expect(turn(each)).to_have_attribute("data-phase", "finished")
    ask(page, SUM, mode="3")
    expect(page.get_by_role("form", name="Your decision")).to_be_visible()
    other.reload()
    expect(other.locator("article.turn")).to_have_count(2)
    other.get_by_role("form", name="Your decision").get_by_role("button", name=re.compile("Run it")).click()
    expect(turn(other)).to_have_attribute("data-phase", "finished")


@pytest.mark.parametrize("agent", ["expert", "slow"])
def test_a_decision_that_comes_too_late_shows_what_became_of_the_run(
    open_page: Callable[..., Watched], engine: RunningEngine, agent: str
) -> None:
    page = open_page(engine.url).page
    ask(page, SUM, mode="3", agent=agent)
    expect(page.get_by_role("form", name="Your decision")).to_be_visible()
    other = open_page(page.url).page
    late = other.get_by_role("form", name="Your decision")
    late.get_by_label("Deny").check()
    page.get_by_role("button", name=re.compile("Run it")).click()
    if agent == "slow":  # it still runs when the late decision comes
        engine.step()
        expect(turn(page).locator(".answer")).to_contain_text("one")
    else:
        expect(turn(page)).to_have_attribute("data-phase", "finished")
    late.get_by_role("button", name="Go on without tools").click()
    if agent == "slow":
        expect(turn(other).locator(".answer")).to_contain_text("one")
        engine.step(2)
    expect(turn(other)).to_have_attribute("data-phase", "finished")
    expect(late).to_have_count(0)
    expect(turn(other).locator(".remarks")).to_contain_text("was decided on elsewhere before")
    expect(turn(other).locator(".answer")).to_contain_text("one" if agent == "slow" else "premarket approval")


def test_an_answer_from_the_cache_is_still_there_after_a_reload(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    plain = CannedModel("A Class III device needs premarket approval [1].", name="plain")
    with running_engine(tmp_path, plain, settings={"cache_entries": 3}) as engine:
        engine.agent("plain", model="plain")
        page = open_page(engine.url).page
        for _ in range(2):
            ask(page, "What does a Class III device need?", agent="plain", mode="2")
            expect(turn(page)).to_have_attribute("data-phase", "finished")
        expect(turn(page)).to_contain_text("From the cache")
        page.reload()
        expect(page.locator("article.turn")).to_have_count(2)
        expect(turn(page)).to_contain_text("From the cache")
        expect(turn(page)).to_contain_text("needs premarket approval")
