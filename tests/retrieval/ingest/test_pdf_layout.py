"""The layout of a page, whatever stands on it: no word is lost, none is made up, and nothing breaks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared.retrieval.ingest.pdf.page import TextLine, page_items
from vital_shared.retrieval.ingest.pdf.rules import Rule
from vital_shared.retrieval.ingest.pdf.running_titles import without_running_titles
from vital_shared.retrieval.ingest.pdf.table_text import TableText
from vital_shared.retrieval.ingest.pdf.words import Word

columns = st.sampled_from([50.0, 52.0, 130.0, 210.0, 300.0, 310.0, 400.0])
rows = st.integers(0, 25).map(lambda row: 100.0 + 12 * row)


@st.composite
def pages(draw):
    words = []
    for number in range(draw(st.integers(1, 30))):
        text = draw(st.sampled_from(["w", "12.", "(3)", "word-"])) + f"x{number}x"
        x0, y, size = draw(columns), draw(rows), draw(st.sampled_from([7.0, 10.0, 14.0]))
        bold, mono = draw(st.booleans()), draw(st.booleans())
        words.append(Word(text, x0, x0 + 5 * len(text), y, size, bold, mono))
    rules = []
    for _ in range(draw(st.integers(0, 12))):
        (x0, x1), (y0, y1) = sorted([draw(columns), draw(columns)]), sorted([draw(rows), draw(rows)])
        rules.append(Rule(x0, y0, x1, y0) if draw(st.booleans()) else Rule(x0, y0, x0, y1))
    return words, rules


def text_of(items):
    tables = TableText()
    lines = [[item.text] if isinstance(item, TextLine) else tables.rows(item) for item in items]
    return "\n".join(text for line in lines for text in line)


@settings(max_examples=60, deadline=None)
@given(pages())
def test_no_word_of_a_page_is_lost(page):
    words, rules = page
    text = text_of(page_items(words, rules))
    lost = [word.text for word in words if word.text not in text]
    assert not lost


@settings(max_examples=20, deadline=None)
@given(st.lists(pages().map(lambda page: page[0]), min_size=1, max_size=5))
def test_titles_that_run_through_few_pages_stay(many):
    kept = without_running_titles(many)
    assert len(kept) == len(many)
    assert [word for word in many[0] if word not in kept[0]] == []
