"""Text from right to left: it begins at the right, and its end is cut where there is no room."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from tests.console.conftest import RunningEngine, Watched, keep, running_engine

from vital_shared.testing import CannedModel, CannedSource, passage

pytestmark = pytest.mark.thorough

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


MIXED = f"{ARABIC}\n\nThe end is in English.\n\n- {ARABIC}\n\n```python\nx = 1\n```\n"


def test_each_part_of_an_answer_has_the_direction_of_its_own_text(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    cited = CannedSource([passage(ARABIC)])
    with running_engine(
        tmp_path, CannedModel(f"{ARABIC} [1]\n\n{MIXED}", name="mixed"), source=cited
    ) as engine:
        engine.agent("mixed", model="mixed")
        made = engine.ask(ARABIC, mode=2, model=None, agent_id="mixed")
        page = open_page(f"{engine.url}/runs").page
        assert direction(page.locator(".cell-title a")) == "rtl"
        page.goto(f"{engine.url}/runs/{made['run_id']}")
        assert direction(page.get_by_role("heading", level=1)) == "rtl"
        assert direction(page.locator(".source blockquote")) == "rtl"
        answer = page.locator(".answer")
        assert direction(answer.locator("li")) == "rtl"
        directions = "parts => parts.map(part => getComputedStyle(part).direction)"
        assert answer.locator("p, ul, pre").evaluate_all(directions) == ["rtl", "rtl", "ltr", "rtl", "ltr"]
        keep(page, "right-to-left")
        page.goto(engine.url)
        page.get_by_label("Question", exact=True).fill(ARABIC)
        direction_typed = "element => getComputedStyle(element).direction"
        assert page.get_by_label("Question", exact=True).evaluate(direction_typed) == "rtl"
