"""The console over plain HTTP on a network, where browsers withhold what they keep for secure pages."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.console.conftest import ANSWER, RunningEngine, Watched, running_browser, running_engine, sign_in

pytestmark = pytest.mark.thorough

HOST = "vital.example"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium that finds this machine under a name, which does not make its pages secure."""
    with running_browser(f"--host-resolver-rules=MAP {HOST} 127.0.0.1") as browser:
        yield browser


@pytest.fixture(scope="module")
def networked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("networked")) as running:
        running.agent("expert", model="canned")
        running.operator = running.closing_key(None, "admin")  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def plain(networked: RunningEngine, open_page: Callable[..., Watched]) -> Page:
    page = open_page(networked.url.replace("127.0.0.1", HOST)).page
    sign_in(page, networked.operator)  # type: ignore[attr-defined]
    assert page.evaluate("isSecureContext") is False
    return page


def test_a_question_is_answered_and_its_answer_copied(plain: Page) -> None:
    plain.get_by_label("Agent", exact=True).select_option("expert")
    plain.get_by_label("Question", exact=True).fill("Which evidence does a Class III device need?")
    plain.keyboard.press("Enter")
    turn = plain.locator("article.turn")
    expect(turn).to_have_attribute("data-phase", "finished")
    turn.get_by_role("button", name="Copy answer").click()
    expect(turn.get_by_role("button", name="Copied")).to_be_visible()
    plain.get_by_label("Question", exact=True).press("Control+V")
    expect(plain.get_by_label("Question", exact=True)).to_have_value(ANSWER)


def test_a_new_key_is_copied_from_its_dialog(plain: Page) -> None:
    plain.get_by_role("link", name="Settings").click()
    plain.get_by_role("tab", name="Keys").click()
    plain.get_by_role("button", name="New key").click()
    plain.get_by_label("What it is for").fill("The shop")
    plain.get_by_role("button", name="Make the key").click()
    secret = plain.locator(".secret").inner_text()
    plain.get_by_role("button", name="Copy").click()
    expect(plain.get_by_role("button", name="Copied")).to_be_visible()
    plain.get_by_role("button", name="I have it").click()
    plain.get_by_role("link", name="Ask", exact=True).click()
    plain.get_by_label("Question", exact=True).press("Control+V")
    expect(plain.get_by_label("Question", exact=True)).to_have_value(secret)
