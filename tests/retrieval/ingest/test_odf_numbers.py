"""Numbers that follow from the styles of an OpenDocument file: before items and headings."""

import pytest
from tests.retrieval.ingest.made_files import odf, texts
from tests.retrieval.ingest.test_formats import sections

STYLE = '<text:list-style style:name="L">{}</text:list-style>'


def level(number, kind, *, prefix="", suffix="", **more):
    rest = "".join(f' text:{name.replace("_", "-")}="{value}"' for name, value in more.items())
    return (
        f'<text:list-level-style-number text:level="{number}" style:num-format="{kind}" '
        f'style:num-prefix="{prefix}" style:num-suffix="{suffix}"{rest}/>'
    )


def item(*content, **more):
    rest = "".join(f' text:{name.replace("_", "-")}="{value}"' for name, value in more.items())
    inner = "".join(each if each.startswith("<") else f"<text:p>{each}</text:p>" for each in content)
    return f"<text:list-item{rest}>{inner}</text:list-item>"


def listed(*items, style="L", more=""):
    named = f' text:style-name="{style}"' if style else ""
    return f"<text:list{named}{more}>{''.join(items)}</text:list>"


def read(body, *levels):
    return texts("a.odt", odf(body, styles=STYLE.format("".join(levels))))


@pytest.mark.parametrize(
    ("levels", "numbers"),
    [
        ([level(1, "1", suffix=".")], ["1. A", "2. B"]),
        ([level(1, "a", prefix="(", suffix=")")], ["(a) A", "(b) B"]),
        ([level(1, "I", start_value=4)], ["IV A", "V B"]),
        ([level(1, "")], ["A", "B"]),
        (['<text:list-level-style-bullet text:level="1" text:bullet-char="•"/>'], ["A", "B"]),
        ([], ["A", "B"]),
    ],
)
def test_items_have_the_numbers_of_their_style(levels, numbers):
    assert read(listed(item("A"), item("B")), *levels) == numbers


def test_only_the_first_paragraph_of_an_item_has_its_number():
    body = listed(item("A", "More of A."), item("B"))
    assert read(body, level(1, "1", suffix=".")) == ["1. A", "More of A.", "2. B"]


def test_levels_count_within_the_item_above():
    inner = listed(item("C"), item("D"), style="")
    body = listed(item("A", inner), item("B", inner))
    levels = (level(1, "1"), level(2, "1", suffix=")", display_levels=2))
    assert read(body, *levels) == ["1 A", "1.1) C", "1.2) D", "2 B", "2.1) C", "2.2) D"]


def test_an_item_that_only_holds_a_list_takes_no_number():
    """As LibreOffice writes a list whose paragraphs have each a list of their own."""
    first = listed(item("A"), more=' xml:id="one"')
    inner = listed(item(listed(item("B"), style="")), more=' text:continue-list="one"')
    last = listed(item("C"), more=' text:continue-list="one"')
    levels = (level(1, "1", suffix="."), level(2, "a", suffix="."))
    assert read(first + inner + inner + last, *levels) == ["1. A", "a. B", "b. B", "2. C"]


def test_a_list_begins_anew_if_it_does_not_go_on():
    goes_on = listed(item("C"), more=' text:continue-numbering="true"')
    body = (
        listed(item("A"), item("B", start_value=7))
        + "<text:p>Between.</text:p>"
        + goes_on
        + listed(item("D"))
    )
    assert read(body, level(1, "1")) == ["1 A", "7 B", "Between.", "8 C", "1 D"]


def test_headings_have_the_numbers_of_the_outline():
    outline = (
        '<text:outline-style style:name="Outline">'
        '<text:outline-level-style text:level="1" style:num-format="1"/>'
        '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
        "</text:outline-style>"
    )

    def heading(text, number, more=""):
        return f'<text:h text:outline-level="{number}"{more}>{text}</text:h>'

    body = (
        heading("Preface", 1, ' text:is-list-header="true"')
        + "<text:p>Read all.</text:p>"
        + heading("Scope", 1)
        + "<text:p>All.</text:p>"
        + heading("Rates", 1)
        + heading("Rooms", 2)
        + "<text:p>A room is 90.</text:p>"
    )
    assert sections("a.odt", odf(body, styles=outline)) == ["Preface", "1 Scope", "2 Rates > 2.1 Rooms"]


@pytest.mark.parametrize("odd", ["-1", "x", "", "9" * 5_000, "²"])
def test_odd_numbers_are_none(odd):
    heading = f'<text:h text:outline-level="{odd}">Title</text:h>'
    body = heading + listed(item("A", start_value=odd))
    assert read(body, level(1, "1", start_value=odd)) == ["1 A"]
