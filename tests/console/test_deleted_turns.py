"""A conversation some of which is deleted: what is left is shown, and what is missing is said."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from tests.console.conftest import RunningEngine, Watched

from vital_shared.store.tables import runs

pytestmark = pytest.mark.thorough


def test_a_turn_whose_run_was_deleted_is_shown_from_its_messages(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    asked = {"mode": 4, "model": "canned", "session_id": "partly"}
    run_id = engine.ask("Which old device is this?", **asked)["run_id"]
    engine.ask("Which new device is this?", **asked)

    async def end_its_time() -> None:
        async with engine.service.services.database.begin() as connection:
            await connection.execute(delete(runs).where(runs.c.id == run_id))

    engine.call(end_its_time)
    page = open_page(f"{engine.url}/ask/partly").page
    turns = page.locator("article.turn")
    expect(turns).to_have_count(2)
    old, new = turns.first, turns.last
    expect(old.locator(".question")).to_have_text("Which old device is this?")
    expect(old.locator(".answer")).to_contain_text("sustains or supports life")
    expect(old.get_by_label("Remarks")).to_contain_text("its run was deleted")
    expect(old.get_by_role("link", name="Open the run")).to_have_count(0)
    expect(new.get_by_role("link", name="Open the run")).to_be_visible()


def test_a_conversation_that_is_gone_is_said_in_words(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{engine.url}/ask/gone").page
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This conversation is not here")
    expect(alert).not_to_contain_text("/v1/")


def test_the_sentence_above_a_table_keeps_its_distance(
    engine: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{engine.url}/retention").page
    above = page.get_by_text("Everything is kept forever.").bounding_box()
    below = page.get_by_role("region", name="Periods").bounding_box()
    assert above is not None
    assert below is not None
    assert below["y"] - above["y"] - above["height"] >= 8
