"""Numbers that PowerPoint writes by itself before the paragraphs of a text."""

import pytest
from pptx import Presentation
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from tests.retrieval.ingest.made_files import saved, texts


def slide(*paragraphs):
    """Make a presentation with a text; each paragraph: its text, its kind of numbers, its level and start."""
    presentation = Presentation()
    frame = presentation.slides.add_slide(presentation.slide_layouts[1]).placeholders[1].text_frame
    for number, (text, kind, level, start) in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.text = text
        paragraph.level = level
        if kind is not None:
            begins = f' startAt="{start}"' if start is not None else ""
            mark = f'<a:buAutoNum {nsdecls("a")} type="{kind}"{begins}/>'
            paragraph._p.get_or_add_pPr().append(parse_xml(mark))
    return texts("a.pptx", saved(presentation))


@pytest.mark.parametrize(
    ("kind", "start", "marks"),
    [
        ("arabicPeriod", None, ["1.", "2."]),
        ("alphaLcParenR", None, ["a)", "b)"]),
        ("romanUcParenBoth", 4, ["(IV)", "(V)"]),
        ("arabicPlain", "x", ["1", "2"]),
        ("circleNumDbPlain", None, ["1", "2"]),
    ],
)
def test_paragraphs_have_their_numbers(kind, start, marks):
    assert slide(("Wash", kind, 0, start), ("Dry", kind, 0, start)) == [f"{marks[0]} Wash", f"{marks[1]} Dry"]


def test_levels_count_within_the_paragraph_above():
    assert slide(
        ("Wash", "arabicPeriod", 0, None),
        ("Cold", "alphaLcPeriod", 1, None),
        ("Warm", "alphaLcPeriod", 1, None),
        ("Dry", "arabicPeriod", 0, None),
        ("Outside", "alphaLcPeriod", 1, None),
    ) == ["1. Wash", "a. Cold", "b. Warm", "2. Dry", "a. Outside"]


def test_numbers_begin_anew_behind_a_bullet_and_count_no_empty_paragraphs():
    assert slide(
        ("Wash", "arabicPeriod", 0, None),
        ("", "arabicPeriod", 0, None),
        ("Dry", "arabicPeriod", 0, None),
        ("Then:", None, 0, None),
        ("Fold", "arabicPeriod", 0, None),
    ) == ["1. Wash", "2. Dry", "Then:", "1. Fold"]
