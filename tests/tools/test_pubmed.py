"""PubMed, against a server that answers as the E-utilities' documentation shows."""

import json
from pathlib import Path

import pytest
from tests.tools.public import api_to, call

from vital_shared.tools.base import ToolError
from vital_shared.tools.pubmed import pubmed, wish_in

QUESTIONS = Path(__file__).parents[2] / "examples" / "knowledge" / "questions.json"

FOUND = json.dumps(
    {
        "header": {"type": "esearch"},
        "esearchresult": {"count": "1234", "retmax": "2", "idlist": ["111", "222"]},
    }
).encode()
NONE = json.dumps({"esearchresult": {"count": "0", "idlist": []}}).encode()

ARTICLES = b"""<?xml version="1.0" ?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" "https://dtd.example/pubmed.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">111</PMID><Article>
  <Journal><JournalIssue><PubDate><Year>2024</Year></PubDate></JournalIssue><Title>The Lancet</Title>
    <ISOAbbreviation>Lancet</ISOAbbreviation></Journal>
  <ArticleTitle>Pulse <i>oximetry</i> in the dark.</ArticleTitle>
  <Abstract><AbstractText Label="METHODS">We measured 41 patients.</AbstractText>
    <AbstractText Label="RESULTS">Bias was <b>2</b> points.</AbstractText></Abstract>
  <AuthorList><Author><LastName>Vasa</LastName><Initials>I</Initials></Author>
    <Author><LastName>Thorsen</LastName><Initials>J</Initials></Author></AuthorList>
</Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>222</PMID><Article>
  <Journal><JournalIssue><PubDate><MedlineDate>1998 Jan-Feb</MedlineDate></PubDate></JournalIssue><Title>J X</Title></Journal>
  <ArticleTitle>Without an abstract.</ArticleTitle></Article></MedlineCitation></PubmedArticle>
</PubmedArticleSet>"""


async def search(answers, **arguments):
    async with api_to(answers) as (api, service):
        return service, await call(
            pubmed(api, "ops@example.org"), **({"query": "pulse oximetry"} | arguments)
        )


async def test_articles_come_as_passages_that_can_be_cited():
    service, found = await search(
        {"/esearch.fcgi": FOUND, "/efetch.fcgi": ARTICLES}, limit=2, since_year=1990
    )
    first, second = found.passages
    assert (first.id, first.uri) == ("pubmed:111", "https://pubmed.ncbi.nlm.nih.gov/111/")
    assert first.title == "Pulse oximetry in the dark."
    assert first.section == "Vasa I et al., Lancet, 2024"
    assert first.text == "Methods: We measured 41 patients.\nResults: Bias was 2 points."
    assert (second.section, second.text) == ("J X, 1998", "Without an abstract.")
    assert "1234 articles" in found.text
    asked, fetched = (request.query for request in service.requests)
    assert (asked["term"], asked["retmax"], asked["mindate"]) == ("pulse oximetry", "2", "1990")
    assert (asked["tool"], asked["email"]) == ("vital", "ops@example.org")
    assert fetched["id"] == "111,222"


async def test_no_article_is_said():
    service, found = await search({"/esearch.fcgi": NONE})
    assert found.text == "PubMed has no article for “pulse oximetry”."
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"/esearch.fcgi": b"<html>"},
        {"/esearch.fcgi": b'{"esearchresult": {"ERROR": "x"}}'},
        {"/esearch.fcgi": FOUND, "/efetch.fcgi": b"{}"},
    ],
)
async def test_what_cannot_be_read_is_reported(answers):
    with pytest.raises(ToolError, match="cannot be read"):
        await search(answers)


async def test_entities_of_a_hostile_answer_are_not_resolved():
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]><PubmedArticleSet>'
        b"<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>T &f; &a;</ArticleTitle></Article>"
        b"</MedlineCitation></PubmedArticle></PubmedArticleSet>"
    )
    _, found = await search({"/esearch.fcgi": FOUND, "/efetch.fcgi": bomb})
    assert "root:" not in found.passages[0].text


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("Search PubMed for pulse oximetry bias.", "pulse oximetry bias"),
        ("Can you find studies on metformin and lactic acidosis?", "metformin and lactic acidosis"),
        ("Find recent clinical trials about GLP-1 agonists in PubMed", "GLP-1 agonists"),
        ("What does the published literature say about stents?", "stents"),
    ],
)
def test_who_wishes_it_expressly_gets_it(question, topic):
    assert wish_in(question) == {"query": topic}


def test_no_sample_question_is_taken_for_a_wish():
    assert [q["question"] for q in json.loads(QUESTIONS.read_text()) if wish_in(q["question"])] == []
