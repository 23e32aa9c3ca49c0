"""Numbers that Word writes by itself: before headings, and before paragraphs of statutes and contracts."""

from typing import NamedTuple

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from tests.retrieval.ingest.made_files import saved, texts
from tests.retrieval.ingest.test_formats import sections

SCHEME = 90
"""The first number of a list that the template does not have."""


class Level(NamedTuple):
    kind: str
    text: str
    style: str = ""
    start: int = 1

    def xml(self, number):
        style = f'<w:pStyle w:val="{self.style}"/>' if self.style else ""
        return (
            f'<w:lvl w:ilvl="{number}"><w:start w:val="{self.start}"/><w:numFmt w:val="{self.kind}"/>{style}'
            f'<w:lvlText w:val="{self.text}"/></w:lvl>'
        )


def numbered(document, *levels, override=""):
    """Add a list of some levels, and return its number."""
    numbering = document.part.numbering_part.element
    number = SCHEME + len(numbering.findall(qn("w:num")))
    inner = "".join(level.xml(place) for place, level in enumerate(levels))
    named = f'{nsdecls("w")} w:abstractNumId="{number}"'
    numbering.insert(0, parse_xml(f"<w:abstractNum {named}>{inner}</w:abstractNum>"))
    scheme = f'<w:abstractNumId w:val="{number}"/>'
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="{number}">{scheme}{override}</w:num>'))
    return number


def add(document, text, number, level=0, style=None):
    paragraph = document.add_paragraph(text, style)
    properties = paragraph._p.get_or_add_pPr()
    properties.append(
        parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')
    )


def test_sections_of_statutes_have_their_numbers():
    document = Document()
    number = numbered(document, Level("decimal", "§ %1"), Level("decimal", "(%2)"))
    for text, level in (
        ("Name", 0),
        ("The name is Oak.", 1),
        ("Aims", 0),
        ("It plants.", 1),
        ("It prunes.", 1),
    ):
        add(document, text, number, level)
    assert texts("a.docx", saved(document)) == [
        "§ 1 Name",
        "(1) The name is Oak.",
        "§ 2 Aims",
        "(1) It plants.",
        "(2) It prunes.",
    ]


def test_numbers_of_several_levels_count_within_the_level_above():
    document = Document()
    number = numbered(
        document, Level("upperRoman", "%1."), Level("decimal", "%1.%2"), Level("lowerLetter", "%1.%2.%3")
    )
    for text, level in (("A", 0), ("B", 1), ("C", 2), ("D", 2), ("E", 1), ("F", 0), ("G", 2)):
        add(document, text, number, level)
    assert texts("a.docx", saved(document)) == [
        "I. A",
        "I.1 B",
        "I.1.a C",
        "I.1.b D",
        "I.2 E",
        "II. F",
        "II.1.a G",
    ]


def test_headings_have_the_numbers_of_their_styles():
    document = Document()
    number = numbered(
        document, Level("decimal", "%1", "Heading1", 1), Level("decimal", "%1.%2", "Heading2", 1)
    )
    for style in ("Heading 1", "Heading 2"):
        properties = document.styles[style].element.get_or_add_pPr()
        properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="{number}"/></w:numPr>'))
    document.add_heading("Scope", 1)
    document.add_paragraph("All.")
    document.add_heading("Rates", 1)
    document.add_heading("Rooms", 2)
    document.add_paragraph("A room is 90.")
    assert sections("a.docx", saved(document)) == ["1 Scope", "2 Rates > 2.1 Rooms"]


def test_a_style_has_the_numbers_of_the_one_that_it_is_based_on():
    document = Document()
    number = numbered(document, Level("decimal", "Article %1", "", 5))
    base = document.styles.add_style("Clause", WD_STYLE_TYPE.PARAGRAPH)
    base.element.get_or_add_pPr().append(
        parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="{number}"/></w:numPr>')
    )
    document.styles.add_style("Own", WD_STYLE_TYPE.PARAGRAPH).base_style = base
    for text in ("Term", "Notice"):
        document.add_paragraph(text, "Own")
    assert texts("a.docx", saved(document)) == ["Article 5 Term", "Article 6 Notice"]


def test_a_list_that_begins_anew_does_so():
    document = Document()
    first = numbered(document, Level("decimal", "§ %1"))
    again = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride>'
    second = numbered(document, Level("decimal", "§ %1"), override=again)
    for text, number in (("A", first), ("B", first), ("C", second), ("D", second), ("E", first)):
        add(document, text, number)
    assert texts("a.docx", saved(document)) == ["§ 1 A", "§ 2 B", "§ 7 C", "§ 8 D", "§ 3 E"]


@pytest.mark.parametrize(
    ("level", "tea"),
    [
        (("decimal", "%1."), "1. Tea"),
        (("lowerLetter", "%1)"), "a) Tea"),
        (("bullet", "•"), "Tea"),
        (("none", "§"), "Tea"),
    ],
)
def test_items_have_the_marks_by_which_others_name_them(level, tea):
    document = Document()
    number = numbered(document, Level(*level))
    add(document, "Tea", number)
    add(document, "Rum", 0)
    add(document, "Gin", 12_345)
    assert texts("a.docx", saved(document)) == [tea, "Rum", "Gin"]
