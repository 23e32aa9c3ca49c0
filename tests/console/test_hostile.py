"""Whatever documents, models, agents and errors say: nothing of it runs, and nothing is fetched."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from tests.console.conftest import RunningEngine, Watched, running_engine
from tests.ledger_rows import row, write

from vital_shared.llm.base import ModelError
from vital_shared.testing import CannedModel, CannedSource, passage

EVIL = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "<svg onload='window.pwned = 3'><style>body{display:none}</style><iframe src='https://evil.example/'></iframe>"
)
ANSWER = f"""{EVIL}

![picture](https://evil.example/pixel.png) ![x](javascript:window.pwned=4) ![d](data:image/svg+xml,<svg/onload=alert(1)>)
[link](javascript:window.pwned=5) [data](data:text/html,<script>alert(1)</script>) [v](vbscript:x) <javascript:window.pwned=6>
[style](https://example.org "' style='position:fixed' onmouseover='window.pwned=7'")

<div style="position:fixed;inset:0;background:url(https://evil.example/css)">over everything</div>
<link rel=stylesheet href=https://evil.example/x.css><meta http-equiv=refresh content="0;url=https://evil.example/">

$\\href{{javascript:window.pwned=8}}{{x}} \\htmlStyle{{background:url(https://evil.example/k)}}{{y}} \\includegraphics{{https://evil.example/i.png}}$

```html
<script>window.pwned = 9</script><img src=https://evil.example/code.png>
```

| a" onclick="window.pwned=10 | {EVIL.replace("|", "")} |
| :-- | --: |
| `<b>` | [1] |

The end [1].
"""


class FailingModel(CannedModel):
    """A model whose error holds HTML."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    source = CannedSource(
        [
            passage(f"The end {EVIL}").model_copy(
                update={"title": EVIL, "section": EVIL, "uri": "javascript:window.pwned=11"}
            )
        ]
    )
    failing = CannedModel(
        "x", name="failing", error=ModelError(f"It failed {EVIL}", model="failing", kind="server")
    )
    with running_engine(
        tmp_path_factory.mktemp("hostile"), CannedModel(ANSWER, name="evil"), failing, source=source
    ) as running:
        running.agent("evil", name=f"Evil {EVIL}", description=EVIL, model="evil")
        running.agent("failing", name="Failing", model="failing")
        yield running


def harmless(watched: Watched) -> None:
    page = watched.page
    page.wait_for_timeout(200)  # for handlers that a picture's failure would call
    assert page.evaluate("window.pwned") is None
    assert (
        page.locator(
            "main script, main iframe, main img, main object, main embed, main link, main style, main [onerror], main [onclick], main [onload], main [style*=url]"
        ).count()
        == 0
    )
    for address in page.eval_on_selector_all(
        "main a[href]", "links => links.map(link => link.getAttribute('href'))"
    ):
        assert address.startswith(("/", "http://", "https://", "mailto:")), address
    assert page.evaluate("getComputedStyle(document.body).display") != "none"


def test_an_answer_its_title_and_its_sources_do_nothing(
    hostile: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    watched = open_page(hostile.url)
    page = watched.page
    page.get_by_label("Agent", exact=True).select_option("evil")
    page.get_by_label("Question", exact=True).fill(f"What is {EVIL}?")
    page.keyboard.press("Enter")
    turn = page.locator("article.turn")
    expect(turn).to_have_attribute("data-phase", "finished")
    expect(turn.locator(".source").first).to_contain_text("<script>")
    expect(turn.locator(".answer")).to_contain_text("over everything")
    harmless(watched)
    page.reload()
    expect(page.locator(".entry").first).to_contain_text("<script>")
    expect(page.locator("article.turn .answer")).to_contain_text("over everything")
    harmless(watched)
    page.goto(f"{hostile.url}/runs")
    expect(page.locator("tbody")).to_contain_text("<script>")
    harmless(watched)
    page.locator("tbody a").first.click()
    expect(page.locator(".run-answer")).to_contain_text("over everything")
    for tab in ("Model calls", "Cost", "More"):
        page.get_by_role("tab", name=tab).click()
    harmless(watched)


def test_an_error_does_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    watched = open_page(hostile.url)
    page = watched.page
    page.goto(f"{hostile.url}/runs/%3Cimg%20src=x%20onerror=window.pwned=1%3E")
    expect(page.get_by_role("alert")).to_contain_text("There is no run")
    harmless(watched)
    page.goto(f"{hostile.url}/ask/%3Cscript%3Ewindow.pwned=1%3C%2Fscript%3E")
    expect(page.get_by_role("alert")).to_be_visible()
    harmless(watched)


def test_a_waiting_call_does_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    hostile.ask(f"Calculate 12.5 % of 3,400\n{EVIL}", mode=1, user_id="ann")
    watched = open_page(f"{hostile.url}/approvals")
    expect(watched.page.locator(".inbox-item")).to_contain_text("<script>")
    harmless(watched)


def test_a_document_does_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    text = f"# {EVIL}\n\n## {EVIL}\n\nIt ends {EVIL}\n".encode()
    path = "/v1/documents"
    hostile.call(
        lambda: hostile.service.client.post(
            path, params={"filename": f"{EVIL}.txt"}, content=text, headers={"X-Tenant-ID": "acme"}
        )
    )
    watched = open_page(f"{hostile.url}/knowledge")
    page = watched.page
    expect(page.locator("tbody")).to_contain_text("<script>")
    harmless(watched)
    page.locator("tbody a").first.click()
    expect(page.locator(".passage").first).to_contain_text("<script>")
    harmless(watched)
    page.goto(f"{hostile.url}/knowledge?tab=search&q=ends+%3Cimg+src=x+onerror=window.pwned=12%3E")
    expect(page.locator(".passage").first).to_contain_text("<script>")
    harmless(watched)


def test_costs_of_odd_names_do_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    odd = row(tenant_id="acme", user_id=EVIL, agent_id=EVIL, name=EVIL, at=datetime.now(UTC))
    hostile.call(lambda: write(hostile.service.services.database, odd))
    watched = open_page(f"{hostile.url}/costs")
    for group in ("user", "model", "agent"):
        watched.page.goto(f"{hostile.url}/costs?by={group}")
        expect(watched.page.locator("tbody").first).to_contain_text("<script>")
        harmless(watched)


def test_settings_of_odd_names_do_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    watched = open_page(f"{hostile.url}/settings")
    page = watched.page
    expect(page.get_by_role("region", name="Agents")).to_contain_text("<script>")
    harmless(watched)
    page.get_by_role("button", name="Edit Evil").click()
    expect(page.get_by_role("dialog")).to_contain_text("<script>")
    harmless(watched)
    page.keyboard.press("Escape")
    hostile.ask(model="failing", query="Is it there?")
    page.goto(f"{hostile.url}/settings?tab=models")
    expect(page.get_by_role("region", name="Models")).to_contain_text("failing")
    harmless(watched)
