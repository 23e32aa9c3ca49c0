import re

from hypothesis import given
from hypothesis import strategies as st

from vital_shared.retrieval.ingest.blocks import Block, Outline
from vital_shared.retrieval.ingest.chunk import MAX_TOKENS, TARGET_TOKENS, chunk_blocks
from vital_shared.retrieval.ingest.from_text import read_text
from vital_shared.retrieval.ingest.tokens import tokens

SENTENCE = "The sponsor sends the annual report to the agency within sixty days of the date."  # 15 words


def paragraph(sentences, mark):
    return " ".join(f"{SENTENCE[:-1]} {mark}{number}." for number in range(sentences))


def block(text, *headings, kind="paragraph"):
    return Block(headings, kind, text)


def letters(texts):
    return re.sub(r"\s", "", "".join(texts))


documents = st.lists(
    st.tuples(
        st.sampled_from(["paragraph", "item", "row", "code"]),
        st.one_of(
            st.text(),
            st.text("ab.:。 \n가é1", max_size=600),
            st.builds(str.__mul__, st.text(min_size=1, max_size=30), st.integers(1, 400)),
        ),
        st.integers(0, 3),
    ),
    max_size=20,
)


@given(documents)
def test_every_letter_of_a_text_is_in_some_chunk_in_order_and_once(document):
    blocks = parsed(document)
    assert letters(chunk.text for chunk in chunk_blocks(blocks)) == letters(block.text for block in blocks)


@given(documents)
def test_words_stay_whole_where_they_can(document):
    blocks = parsed(document)
    words = [word for block in blocks for word in block.text.split()]
    if all(tokens(word) <= 100 and not re.search("[\u3002\uff01\uff1f]", word) for word in words):
        assert [word for chunk in chunk_blocks(blocks) for word in chunk.text.split()] == words


@given(documents)
def test_no_chunk_is_empty_or_beyond_the_limit(document):
    for chunk in chunk_blocks(parsed(document)):
        assert chunk.text.strip()
        assert tokens(chunk.text) <= MAX_TOKENS


@given(st.text())
def test_any_text_is_read_and_split(text):
    blocks = read_text(text, uri="a.txt").blocks
    assert letters(chunk.text for chunk in chunk_blocks(blocks)) == letters(block.text for block in blocks)


def parsed(document):
    outline = Outline()
    for number, (kind, text, level) in enumerate(document):
        if level:
            outline.heading(level, f"Heading {number}")
        outline.add(kind, text)
    return outline.finish(title="T", uri="u").blocks


def test_a_chunk_belongs_to_one_section():
    chunks = chunk_blocks([block("One.", "A"), block("Two.", "A", "B"), block("Three.", "C")])
    assert [(chunk.section, chunk.text) for chunk in chunks] == [
        ("A", "One."),
        ("A > B", "Two."),
        ("C", "Three."),
    ]


def test_paragraphs_are_put_together_up_to_the_target_and_kept_whole():
    paragraphs = [paragraph(3, mark) for mark in "abcdefgh"]
    chunks = [chunk.text.split("\n") for chunk in chunk_blocks(map(block, paragraphs))]
    assert [text for chunk in chunks for text in chunk] == paragraphs
    assert all(200 <= tokens(" ".join(chunk)) <= TARGET_TOKENS for chunk in chunks)


def test_a_paragraph_up_to_the_limit_is_kept_whole():
    whole = paragraph(13, "x")
    assert TARGET_TOKENS < tokens(whole) <= MAX_TOKENS
    assert [chunk.text for chunk in chunk_blocks([block(whole)])] == [whole]


def test_a_giant_paragraph_is_split_at_the_ends_of_sentences():
    chunks = chunk_blocks([block(paragraph(60, "x"))])
    assert len(chunks) >= 5
    assert all(chunk.text.endswith(".") and chunk.text.startswith("The ") for chunk in chunks)


def test_a_giant_sentence_is_split_between_words():
    words = [f"word{number}" for number in range(2000)]
    chunks = chunk_blocks([block(" ".join(words))])
    assert [word for chunk in chunks for word in chunk.text.split()] == words


def test_a_text_without_spaces_is_split():
    chunks = chunk_blocks([block("药" * 3000), block("x" * 9000)])
    assert max(len(chunk.text) for chunk in chunks) < 1000


def test_a_lead_in_stays_with_its_list():
    before = block(paragraph(11, "x"))
    items = [block(f"{SENTENCE[:-1]} {number};", kind="item") for number in range(3)]
    chunks = chunk_blocks([before, block("The agency asks for:"), *items])
    assert [chunk.text.split("\n")[0] for chunk in chunks] == [before.text, "The agency asks for:"]
    assert len(chunks[1].text.split("\n")) == 4


def test_a_lead_in_stays_with_the_beginning_of_a_list_that_is_too_long():
    items = [block(f"{SENTENCE[:-1]} {number};", kind="item") for number in range(40)]
    chunks = chunk_blocks([block(paragraph(11, "x")), block("The agency asks for:"), *items])
    assert chunks[1].text.split("\n")[:2] == ["The agency asks for:", items[0].text]


def test_a_small_rest_joins_the_chunk_before_it():
    chunks = chunk_blocks([block(paragraph(12, "x")), block(SENTENCE)])
    assert [chunk.text.split("\n")[-1] for chunk in chunks] == [SENTENCE]
    assert tokens(chunks[0].text) > TARGET_TOKENS


def test_a_small_rest_does_not_join_another_section():
    assert len(chunk_blocks([block(paragraph(9, "x"), "A"), block("Short.", "B")])) == 2


def test_a_section_too_long_to_embed_loses_its_upper_headings():
    chunk = chunk_blocks([block("Text.", "upper heading " * 20, "lower heading")])[0]
    assert chunk.section == "lower heading"
