"""The web search, against a server that answers as Brave's documentation shows."""

import json
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from tests.tools.public import api_to, call

from vital_shared.tools.base import ToolError
from vital_shared.tools.public_tools import PublicTools
from vital_shared.tools.web_search import BraveSearch, WebPage, web_search, wish_in

QUESTIONS = Path(__file__).parents[2] / "examples" / "knowledge" / "questions.json"
ANSWER = orjson.dumps(
    {
        "type": "search",
        "web": {
            "type": "search",
            "results": [
                {
                    "title": "FDA",
                    "url": "https://www.fda.gov/x",
                    "description": "The <strong>agency</strong> says.",
                },
                {"title": "Bad", "url": "javascript:alert(1)", "description": ""},
            ],
        },
    }
)
PATH = "/res/v1/web/search"


async def search(answer, **arguments):
    async with api_to({PATH: answer}, headers={"X-Subscription-Token": "s3cret"}) as (api, service):
        tool = web_search(BraveSearch(api), Decimal("0.005"))
        return service, await call(tool, **({"query": "fda"} | arguments))


async def test_pages_come_as_passages_without_markup_or_scripts():
    service, found = await search(ANSWER, limit=5)
    (passage,) = found.passages
    assert (passage.uri, passage.text) == ("https://www.fda.gov/x", "The agency says.")
    assert service.requests[0].headers["X-Subscription-Token"] == "s3cret"
    assert service.requests[0].query == {"q": "fda", "count": "5"}


@pytest.mark.parametrize("answer", [b"{}", b'{"web": {"results": []}}'])
async def test_nothing_found_is_said(answer):
    _, found = await search(answer)
    assert found.text == "The web search found nothing for “fda”."


@pytest.mark.parametrize("answer", [b"<html>", b'{"web": {"results": [{"x": 1}]}}', b"[]"])
async def test_what_cannot_be_read_is_reported(answer):
    with pytest.raises(ToolError, match="cannot be read"):
        await search(answer)


async def test_any_service_may_stand_behind_it():
    class Own:
        async def search(self, query, limit):
            return (WebPage("Mine", "https://intranet.example/1", query),)

    found = await call(web_search(Own(), Decimal(0)), query="hello")
    assert found.passages[0].text == "hello"


def test_it_is_there_with_a_key_alone_and_costs_money():
    assert "web_search" not in [tool.name for tool in PublicTools("", {}).tools]
    tool = PublicTools("", {"BRAVE_API_KEY": "k"}).tools[-1]
    assert (tool.name, tool.cost_dollars, tool.requires_approval) == ("web_search", Decimal("0.005"), True)


def test_who_wishes_it_expressly_gets_it_and_no_sample_question_does():
    assert wish_in("Search the web for eSTAR templates.") == {"query": "eSTAR templates"}
    assert [q["question"] for q in json.loads(QUESTIONS.read_text()) if wish_in(q["question"])] == []
