"""PubMed, the index of the medical literature, by NCBI's E-utilities.

Source: "The E-utilities In-Depth: Parameters, Syntax and More" (NCBI Bookshelf, NBK25499). Without a key
three requests a second are allowed, with one ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

import orjson
from pydantic import Field

from vital_shared.models.citation import Passage
from vital_shared.tools.base import Found, Tool, ToolError, tool
from vital_shared.tools.public_api import PublicApi
from vital_shared.tools.question import short_sentences

__all__ = ["ADDRESS", "pubmed", "wish_in"]

ADDRESS: Final = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"

_KIND: Final = r"(?:studies|study|papers?|articles?|trials?|publications?|abstracts?|literature)"
_ABOUT: Final = r"(?:about|on|of|for|regarding|concerning)"
_LITERATURE: Final = r"(?:pubmed|the (?:published|medical|scientific) literature)"
_WISHES: Final = (
    re.compile(rf"\b(?:search|query|ask|check) pubmed {_ABOUT} (?P<topic>.+)", re.IGNORECASE),
    re.compile(
        rf"\b(?:find|list|show|look for|search for) (?:me )?(?:\w+ ){{0,2}}{_KIND} "
        rf"(?:(?:in|on|from) pubmed )?{_ABOUT} (?P<topic>.+?)(?: (?:in|on) pubmed)?$",
        re.IGNORECASE,
    ),
    re.compile(rf"\bwhat does {_LITERATURE} (?:say|have|know) {_ABOUT} (?P<topic>.+)", re.IGNORECASE),
    re.compile(r"^pubmed\b[: ]+(?P<topic>.+)", re.IGNORECASE),
)


def wish_in(query: str) -> dict[str, Any] | None:
    """Take the topic from a question that expressly wishes the literature to be searched."""
    for sentence in short_sentences(query):
        for wish in _WISHES:
            found = wish.search(sentence)
            if found and (topic := found["topic"].strip(" ?.!\"'")):
                return {"query": topic}
    return None


def pubmed(api: PublicApi, contact: str = "") -> Tool:
    """Make the tool.

    :param api: PubMed, or what stands in for it.
    :param contact: the address that NCBI asks for; empty: none.
    """
    who: dict[str, str | int] = {"tool": "vital", **({"email": contact} if contact else {})}

    @tool(timeout_seconds=20, read_only=True, from_query=wish_in)
    async def pubmed_search(
        query: Annotated[
            str, Field(min_length=1, max_length=500, description="In PubMed's own syntax or words.")
        ],
        limit: Annotated[int, Field(ge=1, le=10, description="How many articles.")] = 5,
        since_year: Annotated[int | None, Field(ge=1800, le=2200, description="None older.")] = None,
    ) -> Found:
        """Search PubMed for medical articles, and return titles, journals, years and abstracts."""
        since: dict[str, str | int] = (
            {"mindate": since_year, "maxdate": 3000, "datetype": "pdat"} if since_year else {}
        )
        listed = await api.get(
            "/esearch.fcgi",
            db="pubmed", term=query, retmax=limit, retmode="json", sort="relevance", **since, **who,
        )  # fmt: skip
        ids, total = _ids(listed or b"{}")
        if not ids:
            return Found(text=f"PubMed has no article for “{query}”.")
        fetched = await api.get("/efetch.fcgi", db="pubmed", id=",".join(ids), retmode="xml", **who)
        articles = tuple(_articles(fetched or b""))
        lines = [
            f"{number}. {each.title} ({each.section}) {each.uri}" for number, each in enumerate(articles, 1)
        ]
        head = f"PubMed has {total} articles for “{query}”; the most relevant are:"
        return Found(text="\n".join([head, *lines]), passages=articles)

    return pubmed_search


def _ids(answer: bytes) -> tuple[list[str], str]:
    try:
        result = orjson.loads(answer)["esearchresult"]
        return [str(each) for each in result["idlist"] if str(each).isdigit()], str(result["count"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ToolError("PubMed sent an answer that cannot be read.") from error


def _articles(answer: bytes) -> Iterator[Passage]:
    # No entity is resolved and nothing is fetched: the answer is a foreign document.
    from lxml import etree  # noqa: PLC0415 - large, and seldom needed

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(answer, parser)
    except etree.XMLSyntaxError as error:
        raise ToolError("PubMed sent an answer that cannot be read.") from error
    for article in root.iter("PubmedArticle"):
        number = _text(article.find(".//MedlineCitation/PMID"))
        title = _text(article.find(".//ArticleTitle")) or "(without a title)"
        if number.isdigit():
            yield Passage(
                id=f"pubmed:{number}",
                document_id=f"pubmed:{number}",
                title=title,
                source="pubmed",
                uri=f"https://pubmed.ncbi.nlm.nih.gov/{number}/",
                section=_published(article),
                text=_abstract(article) or title,
                score=0.0,
            )


def _published(article: Any) -> str:
    """Return authors, journal and year: "Vasa I et al., Lancet, 2024"."""
    names = [
        f"{_text(author.find('LastName'))} {_text(author.find('Initials'))}".strip()
        or _text(author.find("CollectiveName"))
        for author in article.iterfind(".//AuthorList/Author")
    ]
    who = names[0] + (" et al." if len(names) > 1 else "") if names and names[0] else ""
    journal = _text(article.find(".//Journal/ISOAbbreviation")) or _text(article.find(".//Journal/Title"))
    date = article.find(".//Journal/JournalIssue/PubDate")
    year = _text(date.find("Year")) or _text(date.find("MedlineDate"))[:4] if date is not None else ""
    return ", ".join(part for part in (who, journal, year) if part)


def _abstract(article: Any) -> str:
    parts = []
    for part in article.iterfind(".//Abstract/AbstractText"):
        label = part.get("Label")
        parts.append(f"{label.capitalize()}: {_text(part)}" if label else _text(part))
    return "\n".join(part for part in parts if part)


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""
