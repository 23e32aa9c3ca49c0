"""Signing in: a session for a key, and what the key may not see is not there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.ai_engine.auth.identity_provider import IdentityProvider
from tests.ai_engine.harness import SUM
from tests.console.conftest import RunningEngine, Watched, axe_findings, keep, running_engine, sign_in


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with a key for each of two tenants, and a run of each."""
    with running_engine(tmp_path_factory.mktemp("locked")) as running:
        running.ask("How long for acme?", tenant_id="acme")
        running.ask("How long for globex?", tenant_id="globex")
        running.acme = running.key("acme", "ask")  # type: ignore[attr-defined]
        running.globex = running.key("globex", "ask")  # type: ignore[attr-defined]
        bearer = {"Authorization": f"Bearer {running.acme}"}  # type: ignore[attr-defined]
        running.call(lambda: running.service.client.get("/v1/runs", headers=bearer))  # the engine closes
        yield running


def test_a_key_opens_its_tenants_part_alone(locked: RunningEngine, open_page: Callable[..., Watched]) -> None:
    page = open_page(f"{locked.url}/runs").page
    expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
    keep(page, "sign-in")
    assert axe_findings(page) == []
    page.get_by_label("Key").fill("vital_0123456789abcdef_" + "0" * 64)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("mistyped, it was revoked")
    page.get_by_label("Key").fill(locked.acme)  # type: ignore[attr-defined]
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("How long for acme?")
    assert page.evaluate("document.cookie") == ""
    stored = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert locked.acme not in stored  # type: ignore[attr-defined]
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_signed_in_user_asks_and_signs_out(
    locked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(locked.url).page
    page.get_by_label("Key").fill(locked.globex)  # type: ignore[attr-defined]
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Question", exact=True).fill("How long does it take?")
    page.keyboard.press("Enter")
    expect(page.locator("article.turn")).to_have_attribute("data-phase", "finished")
    page.locator(".nav-account").click()
    expect(page.get_by_role("dialog")).to_contain_text("Signed in with the key")
    assert page.get_by_label("Tenant").input_value() == "globex"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
    expect(page.get_by_label("Key")).to_be_focused()
    expect(page.get_by_text("You are no longer signed in")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()


def question(page: Page) -> Locator:
    return page.get_by_label("Question", exact=True)


def end_session(page: Page) -> None:
    """End the session behind the page's back, and let the page notice it."""
    page.context.clear_cookies()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("You are no longer signed in: your key has expired")


def sign_in_again(page: Page, key: str) -> None:
    sign_in(page, key)
    page.go_back()


def test_a_draft_outlives_the_session_for_the_same_tenant_alone(
    locked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(locked.url).page
    sign_in(page, locked.acme)  # type: ignore[attr-defined]
    question(page).fill("A long question that is not sent yet")
    end_session(page)
    sign_in_again(page, locked.acme)  # type: ignore[attr-defined]
    expect(question(page)).to_have_value("A long question that is not sent yet")
    end_session(page)
    sign_in_again(page, locked.globex)  # type: ignore[attr-defined]
    expect(question(page)).to_have_value("")
    end_session(page)
    sign_in_again(page, locked.acme)  # type: ignore[attr-defined]
    expect(question(page)).to_have_value("")


def test_a_half_filled_decision_outlives_the_session(
    locked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    bearer = {"Authorization": f"Bearer {locked.acme}"}  # type: ignore[attr-defined]
    waiting = locked.call(lambda: locked.service.ask(SUM, mode=1, model=None, headers=bearer)).json()
    page = open_page(f"{locked.url}/runs/{waiting['run_id']}").page
    sign_in(page, locked.acme)  # type: ignore[attr-defined]
    form = page.get_by_role("form", name="Your decision")
    form.get_by_label("Deny", exact=True).check()
    form.get_by_label("Reason").fill("It is not needed")
    page.context.clear_cookies()
    form.get_by_role("button", name="Go on without tools").click()
    expect(page.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
    sign_in(page, locked.acme)  # type: ignore[attr-defined]
    expect(form.get_by_label("Reason")).to_have_value("It is not needed")


def test_an_administrator_sees_no_draft_of_another_one(
    locked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    first, second = locked.key(None, "admin"), locked.key(None, "admin")
    page = open_page(locked.url).page
    sign_in(page, first)
    question(page).fill("A question of the first one")
    end_session(page)
    sign_in_again(page, first)
    expect(question(page)).to_have_value("A question of the first one")
    end_session(page)
    sign_in_again(page, second)
    expect(question(page)).to_have_value("")


def test_another_tenant_that_signs_in_sees_nothing_of_the_open_chat(
    locked: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(locked.url).page
    sign_in(page, locked.acme)  # type: ignore[attr-defined]
    question(page).fill("What is secret at acme?")
    page.keyboard.press("Enter")
    expect(page.locator("article.turn")).to_have_attribute("data-phase", "finished")
    end_session(page)
    sign_in_again(page, locked.globex)  # type: ignore[attr-defined]
    expect(question(page)).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("What is secret at acme?")
    stored = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert "secret at acme" not in stored


def test_a_proxy_that_passes_a_token_on_signs_its_user_in(
    tmp_path: Path, open_page: Callable[..., Watched]
) -> None:
    provider = IdentityProvider()
    with running_engine(tmp_path, provider=provider) as engine:
        token = provider.token(scope="vital:admin")
        page = open_page(engine.url, extra_http_headers={"X-Forwarded-Access-Token": token}).page
        page.get_by_label("Question", exact=True).fill("How long does it take?")
        page.keyboard.press("Enter")
        expect(page.locator("article.turn")).to_have_attribute("data-phase", "finished")
        page.locator(".nav-account").click()
        expect(page.get_by_role("dialog")).to_contain_text("Signed in by your identity provider")
        assert page.get_by_label("Tenant").input_value() == "acme"
        assert page.get_by_label("Your name").input_value() == "ann"
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        other = open_page(engine.url).page
        expect(other.get_by_role("heading", name="Sign in to VITAL")).to_be_visible()
