"""Text from right to left: it begins at the right, and its end is cut where there is no room."""

from collections.abc import Callable

from playwright.sync_api import Locator, expect
from tests.console.conftest import RunningEngine, Watched

ARABIC = "هل يحتاج جهاز من الفئة الثالثة إلى موافقة قبل التسويق؟"
"""A question: does a device of class III need approval before it is marketed?"""


def direction(text: Locator) -> str:
    expect(text).to_have_text(ARABIC)
    return text.evaluate("element => getComputedStyle(element).direction")


def test_questions_and_titles_have_the_direction_of_their_text(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    engine.ask(ARABIC, mode=4, model="canned", session_id="arabic")
    page = open_page(f"{engine.url}/ask/arabic").page
    assert direction(page.get_by_role("heading", level=1)) == "rtl"
    assert direction(page.locator(".question")) == "rtl"
    assert direction(page.locator(".entry-title", has_text=ARABIC)) == "rtl"
