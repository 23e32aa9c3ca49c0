"""Whatever documents, models, agents, tools and errors say: nothing of it runs, is fetched, or hides the rest."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from tests.console.conftest import RunningEngine, Watched, keep, running_engine
from tests.console.page_faults import page_faults
from tests.console.test_dashboards import window
from tests.ledger_rows import row, write

from ai_engine.monitoring.samples import OwnSamples
from vital_cli.served_monitor import load_monitor
from vital_shared.llm.base import ModelError
from vital_shared.testing import CannedModel, CannedSource, passage
from vital_shared.tools.base import tool

EVIL = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    "<svg onload='window.pwned = 3'><style>body{display:none}</style><iframe src='https://evil.example/'></iframe>"
)
LONG = "W" * 10_000
STACK = "e" + "\N{COMBINING ACUTE ACCENT}" * 40
ODD = (
    f"{EVIL} \u202edesrever \x1b[31mred\x1b[0m \u200b\u2060\ufeff {STACK} "
    f"\N{FAMILY} \U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 {LONG}"
)
"""Text that turns around, stacks, joins or hides what stands beside it, and a word wider than any screen."""

NAMELESS = "\u200b\u2060\u200d\ufeff"
"""A name of which nothing is seen."""

ODD_MODEL = ODD.replace(EVIL, "<script>").replace("\x1b", "")[:200]

PRINTABLE_MODEL = f"<script>window.pwned = 12</script> {STACK} {LONG}"[:200]
"""A name that metrics may have, too."""

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

{ODD.replace("|", "")}

The end [1].
"""


@tool(requires_approval=False, keywords=("xyzzy",), from_query=lambda query: {"text": ODD[:4_000]})
async def xyzzy(text: str) -> str:
    """Say what is hostile."""
    return f"{ODD} {text}"


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
        tmp_path_factory.mktemp("hostile"),
        CannedModel(ANSWER, name="evil"),
        CannedModel(ANSWER, name=ODD_MODEL),
        CannedModel(ANSWER, name=PRINTABLE_MODEL),
        failing,
        source=source,
        settings={"tools": [xyzzy]},
        monitor=load_monitor,
    ) as running:
        running.agent("evil", name=f"Evil {EVIL}", description=ODD[:2_000], model="evil")
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
    for width in (1440, 400):
        page.set_viewport_size({"width": width, "height": 900})
        keep(page, f"hostile-{re.sub('[^a-z]+', '-', page.url.split('/', 3)[3][:24])}-{width}")
        assert page_faults(page) == [], width
    page.set_viewport_size({"width": 1440, "height": 900})


def test_an_answer_its_title_and_its_sources_do_nothing(
    hostile: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    watched = open_page(hostile.url)
    page = watched.page
    page.get_by_label("Agent", exact=True).select_option("evil")
    page.get_by_label("Question", exact=True).fill(f"What is {EVIL} {STACK}?")
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
    hostile.ask(f"Calculate 12.5 % of 3,400\n{ODD[:9_000]}", mode=1, user_id="ann")
    watched = open_page(f"{hostile.url}/approvals")
    expect(watched.page.locator(".inbox-item")).to_contain_text("<script>")
    harmless(watched)


def test_a_document_does_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    text = f"# {ODD[:900]}\n\n## {EVIL}\n\nIt ends {ODD}\n".encode()
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
    odd = row(tenant_id="acme", user_id=EVIL, agent_id=EVIL, name=ODD[:1_000], at=datetime.now(UTC))
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


def test_what_tools_say_does_nothing(hostile: RunningEngine, open_page: Callable[..., Watched]) -> None:
    run_id = hostile.ask("What does xyzzy say?", mode=4, model=ODD_MODEL, session_id="tools")["run_id"]
    watched = open_page(f"{hostile.url}/runs/{run_id}")
    page = watched.page
    expect(page.locator(".tool-result")).to_contain_text("<script>")
    harmless(watched)
    page.goto(f"{hostile.url}/ask/tools")
    expect(page.locator("article.turn .answer")).to_contain_text("over everything")
    expect(page.locator(".inspector .tool-result")).to_contain_text("<script>")
    harmless(watched)


def test_a_question_of_which_nothing_is_seen_can_be_opened(
    hostile: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    hostile.ask(NAMELESS, mode=4, model="evil", user_id="nameless", session_id="nameless")
    watched = open_page(f"{hostile.url}/runs?user=nameless")
    expect(watched.page.get_by_role("link", name="Untitled")).to_be_visible()
    harmless(watched)


def test_dashboards_of_odd_names_do_nothing(
    hostile: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    samples = hostile.service.engine.samples
    assert isinstance(samples, OwnSamples)
    for question in ("Which device?", "Which other device?"):
        hostile.ask(question, mode=2, model=PRINTABLE_MODEL, agent_id="evil", enable_rag=False)
        hostile.call(samples.sample)
    watched = open_page(f"{hostile.url}/dashboards/vital-reliability?{window()}")
    panel = watched.page.locator("[data-panel=model_durations]")
    panel.scroll_into_view_if_needed()
    expect(panel).to_have_attribute("data-state", "drawn")
    expect(panel.get_by_role("img")).to_have_attribute("aria-label", re.compile("<script>"))
    harmless(watched)


def test_what_alertmanager_says_does_nothing(
    hostile: RunningEngine, open_page: Callable[..., Watched]
) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": EVIL, "severity": "critical", "tenant": ODD[:1_000]},
        "annotations": {"summary": ODD[:2_000]},
        "startsAt": "2026-01-05T08:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "0123456789abcdef",
    }
    said = {"version": "4", "receiver": EVIL, "alerts": [alert]}
    answer = hostile.call(lambda: hostile.service.client.post("/v1/alerts", json=said))
    assert answer.status_code == 204, answer.text
    watched = open_page(f"{hostile.url}/alerts?tab=notifications")
    expect(watched.page.locator("tbody")).to_contain_text("<script>")
    harmless(watched)


@pytest.mark.parametrize(("path", "part"), [("/audit", "tbody tr"), ("/report", ".answer-line")])
def test_what_was_changed_and_spent_by_odd_names_does_nothing(
    hostile: RunningEngine, open_page: Callable[..., Watched], path: str, part: str
) -> None:
    limits = {"monthly_dollars": "9", "models": [ODD_MODEL, EVIL[:200]]}
    answer = hostile.call(lambda: hostile.service.client.put("/v1/budgets/acme", json=limits))
    assert answer.status_code == 200, answer.text
    watched = open_page(hostile.url + path)
    expect(watched.page.locator(part).first).to_be_visible()
    harmless(watched)
