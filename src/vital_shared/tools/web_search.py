"""The web, by a search service behind a key.

Any service may stand behind the tool: it is a `WebSearch`. Brave's is here (Brave Search API, "Web search").
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple, Protocol

import orjson
from pydantic import Field

from vital_shared.models.citation import Passage
from vital_shared.tools.base import Found, Tool, ToolError, tool
from vital_shared.tools.public_api import PublicApi
from vital_shared.tools.question import short_sentences

__all__ = ["BRAVE_ADDRESS", "BraveSearch", "WebPage", "WebSearch", "web_search", "wish_in"]

BRAVE_ADDRESS: Final = "https://api.search.brave.com"

BRAVE_DOLLARS: Final = Decimal("0.005")
"""The price of one search, by Brave's price list of $5 for 1,000."""

_WISH = re.compile(
    r"\b(?:search|look on|look through|check) the (?:web|internet) (?:for|about|on) (?P<topic>.+)"
    r"|\b(?:google|web search(?: for)?:?) (?P<other>.+)",
    re.IGNORECASE,
)
_TAGS = re.compile(r"<[^<>]{0,200}>")


class WebPage(NamedTuple):
    """A page as a search returns it."""

    title: str
    address: str
    snippet: str


class WebSearch(Protocol):
    """A search service."""

    async def search(self, query: str, limit: int) -> tuple[WebPage, ...]:
        """Find at most `limit` pages, the best first.

        :raises ToolError: when the service does not answer.
        """
        ...


class BraveSearch:
    """Brave's search service.

    :param api: Brave's address, with the key among its headers (``X-Subscription-Token``).
    """

    def __init__(self, api: PublicApi) -> None:
        self._api = api

    async def search(self, query: str, limit: int) -> tuple[WebPage, ...]:
        """Find pages."""
        answer = await self._api.get("/res/v1/web/search", q=query, count=limit)
        try:
            found: list[dict[str, Any]] = (orjson.loads(answer or b"{}").get("web") or {}).get(
                "results"
            ) or []
            return tuple(
                WebPage(_plain(each["title"]), str(each["url"]), _plain(each.get("description") or ""))
                for each in found[:limit]
            )
        except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
            raise ToolError("The web search sent an answer that cannot be read.") from error


def web_search(service: WebSearch, cost_dollars: Decimal) -> Tool:
    """Make the tool.

    :param cost_dollars: the price of one search.
    """

    @tool(timeout_seconds=15, read_only=True, cost_dollars=cost_dollars, from_query=wish_in)
    async def web_search(
        query: Annotated[str, Field(min_length=1, max_length=400, description="What to look for, in words.")],
        limit: Annotated[int, Field(ge=1, le=10, description="How many pages.")] = 5,
    ) -> Found:
        """Search the web, and return titles, addresses and snippets of pages."""
        pages = [page for page in await service.search(query, limit) if page.address.startswith("http")]
        if not pages:
            return Found(text=f"The web search found nothing for “{query}”.")
        lines = [f"{number}. {page.title} ({page.address})" for number, page in enumerate(pages, start=1)]
        return Found(text="\n".join(lines), passages=tuple(map(_passage, pages)))

    return web_search


def wish_in(query: str) -> dict[str, Any] | None:
    """Take the topic from a question that expressly wishes the web to be searched."""
    for sentence in short_sentences(query):
        found = _WISH.search(sentence)
        if found and (topic := (found["topic"] or found["other"]).strip(" ?.!\"'")):
            return {"query": topic}
    return None


def _passage(page: WebPage) -> Passage:
    return Passage(
        id=f"web:{page.address}",
        document_id=f"web:{page.address}",
        title=page.title,
        source="web",
        uri=page.address,
        text=page.snippet or page.title,
        score=0.0,
    )


def _plain(text: str) -> str:
    return " ".join(_TAGS.sub("", text).split())
