from hypothesis import given
from hypothesis import strategies as st

from vital_shared.retrieval.ingest.blocks import Outline, clean


def test_what_no_reader_sees_is_removed():
    assert clean("\ufeffso\u00adft \x00hy\u200bphen\ud800") == "soft hyphen"


def test_spaces_and_empty_lines_are_single():
    assert clean(" a \u00a0 b\t c \r\n\r\n d \u2028 e ") == "a b c\nd\ne"


def test_letters_are_composed():
    assert clean("Gro\u0308ße") == "Größe"


@given(st.text())
def test_clean_text_is_fit_for_any_database_and_stays_as_it_is(text):
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


def test_a_heading_that_is_too_long_is_a_paragraph():
    outline = Outline()
    outline.heading(1, "many words " * 40)
    parsed = outline.finish(title="", uri="a/b_c.txt")
    assert (parsed.title, parsed.blocks[0].headings) == ("b c", ())


def test_a_long_title_is_shortened():
    assert len(Outline().finish(title="many words " * 100, uri="u").title.split()) == 50


def test_the_title_is_the_first_of_the_topmost_headings():
    outline = Outline()
    for level, text in ((2, "Imprint"), (1, "Aspirin"), (1, "Warfarin")):
        outline.heading(level, text)
        outline.add("paragraph", "Text.")
    assert outline.finish(title="", uri="u").title == "Aspirin"
