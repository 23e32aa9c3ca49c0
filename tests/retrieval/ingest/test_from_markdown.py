import pytest

from vital_shared.retrieval.ingest.from_markdown import parse_markdown


def read(text):
    return parse_markdown(text.encode(), uri="notes/drug-list.md")


def blocks(text):
    return [(block.headings, block.kind, block.text) for block in read(text).blocks]


def test_blocks_stand_under_their_headings_and_the_title_apart():
    parsed = read(
        "# Warfarin\n\nIntro.\n\n## Dosage\n\nFive mg.\n\n### Children\n\nLess.\n\n## Storage\n\nDry."
    )
    assert parsed.title == "Warfarin"
    assert [(block.headings, block.text) for block in parsed.blocks] == [
        ((), "Intro."),
        (("Dosage",), "Five mg."),
        (("Dosage", "Children"), "Less."),
        (("Storage",), "Dry."),
    ]


def test_several_top_headings_are_all_sections():
    assert [block.headings for block in read("# One\n\na\n\n# Two\n\nb").blocks] == [("One",), ("Two",)]


def test_without_any_heading_the_file_names_the_document():
    assert read("Just text.").title == "drug list"


@pytest.mark.parametrize(
    "front", ["---\ntitle: 'Of drugs'\ntags: [a, b]\n---\n", '+++\ntitle = "Of drugs"\n+++\n']
)
def test_front_matter_gives_the_title_and_is_not_text(front):
    parsed = read(front + "Body.")
    assert parsed.title == "Of drugs"
    assert [block.text for block in parsed.blocks] == ["Body."]


def test_a_rule_at_the_top_is_no_front_matter():
    assert [block.text for block in read("---\nText one.\n\n---\nText two.").blocks] == [
        "Text one.",
        "Text two.",
    ]


def test_list_items_keep_their_numbers_and_lose_their_bullets():
    assert [
        (kind, text) for _, kind, text in blocks("Steps:\n\n3. wash\n4. dry\n\n- red\n  - dark\n- blue")
    ] == [
        ("paragraph", "Steps:"),
        ("item", "3. wash"),
        ("item", "4. dry"),
        ("item", "red"),
        ("item", "dark"),
        ("item", "blue"),
    ]


def test_a_table_row_reads_alone():
    table = "| Drug | Dose |\n|---|---|\n| Aspirin | 100 mg |\n| Warfarin | |\n"
    assert [(kind, text) for _, kind, text in blocks(table)] == [
        ("row", "Drug: Aspirin; Dose: 100 mg"),
        ("row", "Drug: Warfarin"),
    ]


def test_a_table_of_headings_only_is_kept():
    assert [text for _, _, text in blocks("| Drug | Dose |\n|---|---|\n")] == ["Drug; Dose"]


def test_marks_addresses_and_images_go_and_words_stay():
    text = "See **the** [label](https://x.example/a) `now`, <b>soon</b> ![logo](l.png)\nor \\*later\\*."
    assert [text for _, _, text in blocks(text)] == ["See the label now, soon or *later*."]


def test_code_keeps_its_lines():
    assert blocks("```python\ndef f():\n    return 1\n```") == [((), "code", "def f():\n    return 1")]


def test_html_inside_is_read_as_html():
    text = (
        "<details><summary>More</summary><p>Inside.</p><script>x()</script></details>\n\n<!-- not this -->\n"
    )
    assert [text for _, _, text in blocks(text)] == ["More: Inside."]


def test_a_heading_with_nothing_under_it_is_kept_as_text():
    assert [
        (block.headings, block.text) for block in read("# T\n\n## Never crush it\n\n## Dosage\n\nOne.").blocks
    ] == [
        ((), "Never crush it"),
        (("Dosage",), "One."),
    ]


def test_a_title_alone_is_a_document():
    assert [block.text for block in read("# Only this").blocks] == ["Only this"]


@pytest.mark.parametrize("text", [">" * 5000 + " deep", "[" * 20_000 + "deep", "![" * 5000 + "deep"])
def test_nesting_without_end_loses_no_words(text):
    assert "deep" in " ".join(block.text for block in read(text).blocks)


def test_line_ends_of_other_systems_are_line_ends():
    assert [text for _, _, text in blocks("# T\r\n\r\none\r\ntwo\r\n\r\nthree")] == ["one two", "three"]


def test_the_addresses_of_links_that_write_or_call_are_read():
    text = (
        "[Write](mailto:help@x.org), [call](tel:+4930) or [read on](https://x.org), **[me](mailto:me@x.org)**"
    )
    said = "Write (help@x.org), call (+4930) or read on, me (me@x.org)"
    assert blocks(text) == [((), "paragraph", said)]
