"""Whether an answer says what its sources say."""

from __future__ import annotations

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.extractive import NO_ANSWER
from vital_shared.llm.groundedness import groundedness
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.tool import ToolResult
from vital_shared.retrieval.rerank import Reranker

TOWER = passage(
    "The granite tower was designed by Ingrid Vasa and lit in 1809. It is 41 metres high. "
    "The keeper had thirty days of leave and earned 1,200 crowns.",
    title="The Skarn lighthouse",
)
CANAL = passage("The canal was dug by Jakob Thorsen and has 23 locks.")


def cite(number: int, source: Passage) -> Citation:
    return Citation(
        number=number,
        passage_id=source.id,
        document_id=source.document_id,
        title=source.title,
        uri=source.uri,
        quote=source.text,
        source=source.source,
    )


CITATIONS = [cite(1, TOWER), cite(2, CANAL)]


async def check(
    text: str, results: tuple[ToolResult, ...] = (), reranker: Reranker | None = None
) -> float | None:
    grounding = await groundedness(text, CITATIONS, [TOWER, CANAL], results, reranker)
    return None if grounding is None else grounding.share


@pytest.mark.parametrize(
    "text",
    [
        "The tower was designed by Ingrid Vasa [1].",
        "The granite tower was lit in 1809. [1] It is 41 metres high. [1]",
        "The granite tower of the Skarn lighthouse is 41 metres high [1], and the canal has 23 locks [2].",
        "The keeper had 30 days of leave and earned 1200 crowns. [1]",
        "The tower:\n- was designed by Ingrid Vasa;\n- is 41 metres high. [1]",
        "## Answer\n\nHere is what the sources say:\n\nThe canal has 23 locks. [2]",
        "The tower is 41 metres high and the canal has 23 locks. [1][2]",
        "- The tower is 41 metres high.\n- The canal has 23 locks. [1][2]",
    ],
)
async def test_what_the_cited_passages_say_is_backed(text: str) -> None:
    assert await check(text) == 1.0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("The tower was lit in 1810. [1]", "a made-up number"),
        ("The tower was designed by Jakob Thorsen. [1]", "a name of another passage"),
        ("The granite tower was designed by Anna Vasa. [1]", "a made-up name"),
        ("The canal has 23 locks. [1]", "another passage cited"),
        ("The canal has 23 locks.", "no citation"),
        ("The canal has 23 locks. [7]", "a citation that does not exist"),
        ("Whales rest near harbours because plankton drifts past. [1]", "other words"),
        ("The granite tower is 41 metres high [1][2].", "a second citation that has nothing of it"),
        ("The canal has 23 locks [2]. The keeper earned 1,200 crowns [1][2].", "the same, behind a true one"),
    ],
)
async def test_what_they_do_not_say_is_not_backed(text: str, what: str) -> None:
    assert await check(text) == (0.5 if what.startswith("the same") else 0.0), what


async def test_the_share_of_backed_sentences_is_returned() -> None:
    assert await check("The canal has 23 locks. [2] It has 24 bridges. [2]") == 0.5


@pytest.mark.parametrize(
    "text",
    [NO_ANSWER, "I don't know.", "The documents do not say how deep the canal is.", "", "What do you mean?"],
)
async def test_an_abstention_claims_nothing(text: str) -> None:
    assert await check(text) is None


async def test_without_sources_nothing_can_be_checked() -> None:
    assert await groundedness("The sky is blue.", [], []) is None
    grounding = await groundedness("The sky is blue. [1]", [], [])
    assert grounding is not None
    assert grounding.share == 0.0


async def test_uncited_sentences_may_rest_on_tools() -> None:
    found = ToolResult(id="1", name="calculator", arguments={}, status="success", content="6 * 7 = 42")
    failed = found.model_copy(update={"status": "failed"})
    assert await check("Calculator: 6 * 7 = 42", (found,)) == 1.0
    assert await check("Calculator: 6 * 7 = 42", (failed,)) == 0.0
    assert await check("Calculator: 6 * 7 = 43", (found,)) == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "The building rises 41 metres. [1]",
        "Jakob Thorsen made the waterway. [2]",
    ],
)
async def test_other_words_for_the_same_are_backed_where_the_cross_encoder_says_so(
    text: str, reranker: Reranker
) -> None:
    assert await check(text) == 0.0
    assert await check(text, reranker=reranker) == 1.0


@pytest.mark.parametrize(
    ("second", "share"),
    [("Travellers have to be informed when their train is late.", 1.0), ("Bread is baked at night.", 0.0)],
)
async def test_of_several_citations_each_has_to_back_a_part_in_these_or_other_words(
    second: str, share: float, reranker: Reranker
) -> None:
    first, other = passage("Passengers must be told of a delay at once."), passage(second)
    text = "Passengers must be told of a delay [1][2]."
    grounding = await groundedness(text, [cite(1, first), cite(2, other)], [first, other], (), reranker)
    assert grounding is not None
    assert grounding.share == share


@pytest.mark.parametrize(
    "text",
    [
        "Ingrid Vasa painted the lighthouse white. [1]",
        "The building rises 42 metres. [1]",
        "Anna Vasa was the architect of the lighthouse. [1]",
        "The keeper lived there with his family. [1]",
        "The canal froze every winter. [2]",
    ],
)
async def test_what_is_only_near_the_topic_is_not(text: str, reranker: Reranker) -> None:
    assert await check(text, reranker=reranker) == 0.0


async def test_the_unsupported_sentences_are_marked_where_they_stand() -> None:
    text = "The canal has 23 locks. [2] It has 24 bridges. [2]\n\nThe tower was lit in 1809 [1]. The sea is deep."
    grounding = await groundedness(text, CITATIONS, [TOWER, CANAL])
    assert grounding is not None
    marked = [text[each.start : each.end] for each in grounding.unsupported]
    assert marked == ["It has 24 bridges. [2]", "The sea is deep."]


FORMATTED = """\
## The lighthouse and the canal

**Overview**

The granite tower was designed by Ingrid Vasa and lit in 1809. [1]

| Structure | Main Figure | Remark |
| --- | ---: | --- |
| Granite Tower | 41 metres [1] | Lit 1809 |
| Canal | 23 locks [2] | Dug by Hand |

**Key points:**

1. **Height:** The tower is 41 metres high. [1]
2. **Pay:** Keepers earned 1,200 crowns. [1]
   - *Leave*: thirty days of leave. [1]
- [x] The canal has 23 locks. [2]

> The canal was dug by **Jakob Thorsen**. [2]

Locks
-----

```python
def locks_of_the_canal() -> int:
    return 24  # never 23
```

    an indented listing of Harbour Masters

---
"""


async def test_an_ordinary_formatted_answer_is_backed() -> None:
    assert await check(FORMATTED) == 1.0


@pytest.mark.parametrize(
    "uncited",
    [
        "| Name | Locks |\n|---|---|\n| Whale Canal | many |",
        "Name | Locks\n--- | ---\nWhale Canal | many",
        "| Whale Canal | many |",
        "```\nWhales dig canals.\n```",
        "~~~sh\nWhales dig canals.",
        "1. Build it:\n\n   ```sh\n   dig whales\n   ```",
        "Whale canals\n============",
        "### Whale canals",
        "**Whale canals**",
        "- **Whale canals:**",
        "***",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_what_is_no_sentence_claims_nothing(uncited: str, newline: str) -> None:
    text = f"The canal has 23 locks. [2]\n\n{uncited}\n".replace("\n", newline)
    assert await check(text) == 1.0


@pytest.mark.parametrize(
    "invented",
    [
        "| Locks | 24 [2] |",
        "Locks | Source\n---|---\n24 | [2]",
        "- 24 locks of the canal. [2]",
        "* **Locks:** The canal has 24 locks. [2]",
        "> The canal has 24 locks. [2]",
        "**The canal was dug by Anna Vasa. [2]**",
        "## The canal has 24 locks [2]",
        "- [ ] Whales dig canals. [2]",
        "- Whales dig canals.",
        "```\ncode\n```\nWhales dig canals.",
    ],
)
async def test_an_invention_is_seen_in_any_format(invented: str) -> None:
    assert await check(f"The canal has 23 locks. [2]\n\n{invented}") == 0.5


async def test_code_alone_is_not_backed_and_is_marked() -> None:
    text = "```\nAnswer from the numbered sources alone\n```"
    grounding = await groundedness(text, CITATIONS, [TOWER, CANAL])
    assert (grounding.share, [text[each.start : each.end] for each in grounding.unsupported]) == (0.0, [text])


async def test_what_is_marked_in_a_formatted_answer_is_the_sentence_itself() -> None:
    wrong = "The canal has 24 bridges. [2]"
    text = FORMATTED + "\n\u2028- " + wrong + "\n"
    grounding = await groundedness(text, CITATIONS, [TOWER, CANAL])
    assert grounding is not None
    (marked,) = grounding.unsupported
    assert text[marked.start : marked.end].endswith(wrong)


async def test_a_quote_is_backed_whatever_language_its_words_look_like():
    text = "The radiometer lost calibration after an upset. Responsible: Ines Valderrama."
    where = {"id": "1", "document_id": "d", "source": "memory", "uri": "log.md", "title": "Log"}
    passage = Passage(**where, text=text, score=3.0)
    quote = "Responsible: Ines Valderrama."
    found = await groundedness(f"{quote} [1]", [passage.cite(1, quote)], [passage], (), None, None)
    assert found is not None
    assert found.share == 1.0
