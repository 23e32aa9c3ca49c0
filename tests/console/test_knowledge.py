"""The page of the documents: uploaded, read, searched and deleted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.console.conftest import RunningEngine, Watched, running_engine, sign_in

PLAIN = (
    "widgets.md",
    b"# Widgets\n\n## Review\n\nA widget review takes 42 days.\n\n## Fees\n\nThe fee is $300.\n",
)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with running_engine(tmp_path_factory.mktemp("knowing")) as running:
        yield running


def put(engine: RunningEngine, name: str, text: bytes, tenant: str | None = "acme") -> str:
    headers = {} if tenant is None else {"X-Tenant-ID": tenant}
    files = {"file": (name, text)}
    answer = engine.call(lambda: engine.service.client.post("/v1/documents", files=files, headers=headers))
    document_id: str = answer.json()["document_id"]
    return document_id


def chosen(*files: tuple[str, bytes]) -> list[Any]:
    return [{"name": name, "mimeType": "", "buffer": data} for name, data in files]


def row(page: Page, title: str) -> Any:
    return page.get_by_role("region", name="Documents").locator("tbody tr").filter(has_text=title)


def test_documents_are_uploaded_and_what_cannot_be_read_says_why(
    knowing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{knowing.url}/knowledge").page
    expect(page.get_by_text("There are no documents yet")).to_be_visible()
    page.get_by_label("Files to upload").set_input_files(chosen(PLAIN, ("odd.exe", b"MZ\x00\x01")))
    uploads = page.get_by_role("region", name="Uploads").get_by_role("listitem")
    expect(uploads.nth(0)).to_contain_text("Added")
    expect(uploads.nth(1)).to_contain_text("Refused")
    expect(uploads.nth(1)).to_contain_text("unknown type")
    expect(row(page, "Widgets")).to_contain_text("acme")
    page.get_by_label("Files to upload").set_input_files(chosen(PLAIN))
    expect(uploads.nth(2)).to_contain_text("Was there already")
    page.get_by_role("button", name="Close the list of uploads").click()
    expect(uploads).to_have_count(0)


def test_an_administrator_shares_a_document_with_all_tenants(
    knowing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{knowing.url}/knowledge").page
    page.get_by_label("Upload for").select_option("all")
    page.get_by_label("Files to upload").set_input_files(chosen(("shared.md", b"# Shared\n\nFor everybody.")))
    expect(row(page, "shared.md")).to_contain_text("All tenants")


def test_a_document_shows_what_was_read_of_it(
    knowing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    put(
        knowing,
        "manual.md",
        b"# Manual\n\n## Start\n\nPress the green button.\n\n## Stop\n\nPress the red one.\n",
    )
    page = open_page(f"{knowing.url}/knowledge").page
    row(page, "Manual").get_by_role("link").click()
    passages = page.get_by_role("region", name="What was read").get_by_role("listitem")
    expect(passages).to_have_count(2)
    expect(passages.nth(0)).to_contain_text("Start")
    expect(passages.nth(1)).to_contain_text("Press the red one.")


MAIL = (
    b"Subject: The plan\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain\r\n\r\nSee the plan.\r\n--b\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=plan.pdf\r\n\r\nx\r\n--b--\r\n"
)


def test_a_document_says_what_was_left_out(knowing: RunningEngine, open_page: Callable[..., Watched]) -> None:
    put(knowing, "plan.eml", MAIL)
    page = open_page(f"{knowing.url}/knowledge").page
    expect(row(page, "The plan")).to_contain_text("Partly read")
    row(page, "The plan").get_by_role("link").click()
    left_out = page.get_by_role("region", name="What was not read")
    expect(left_out).to_contain_text("Its attachment plan.pdf was not read.")


def test_a_search_shows_passages_with_scores_and_stands_in_the_address(
    knowing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    put(knowing, "locks.md", b"# Locks\n\nThe canal has 23 locks.\n")
    page = open_page(f"{knowing.url}/knowledge").page
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Question").fill("How many locks has the canal?")
    page.keyboard.press("Enter")
    best = page.get_by_role("region", name="Results").get_by_role("listitem").first
    expect(best).to_contain_text("The canal has 23 locks.")
    expect(best).to_contain_text("Words")
    expect(page.get_by_text("An answer would be tried from these passages.")).to_be_visible()
    page.reload()
    expect(best).to_contain_text("The canal has 23 locks.")
    page.get_by_label("Question").fill("xylophone")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing was found")).to_be_visible()


def test_a_document_is_deleted_after_a_question(
    knowing: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    put(knowing, "old.md", b"# Old rules\n\nThey no longer hold.\n")
    page = open_page(f"{knowing.url}/knowledge").page
    row(page, "Old rules").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("Old rules")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(row(page, "Old rules")).to_have_count(1)
    row(page, "Old rules").get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row(page, "Old rules")).to_have_count(0)


def test_a_key_that_may_only_ask_sees_its_own_documents_and_changes_none(
    tmp_path: Any, open_page: Callable[..., Watched]
) -> None:
    with running_engine(tmp_path) as engine:
        put(engine, "acme.md", b"# Of acme\n\nText.")
        put(engine, "globex.md", b"# Of globex\n\nText.", "globex")
        put(engine, "all.md", b"# Of all\n\nText.", None)
        key = engine.closing_key("acme", "ask")
        page = open_page(f"{engine.url}/knowledge").page
        sign_in(page, key)
        expect(row(page, "Of acme")).to_have_count(1)
        expect(row(page, "Of all")).to_have_count(1)
        expect(row(page, "Of globex")).to_have_count(0)
        expect(page.get_by_role("button", name="Upload documents")).to_have_count(0)
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
