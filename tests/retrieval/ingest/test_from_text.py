from vital_shared.retrieval.ingest.from_text import parse_text


def read(text):
    return parse_text(text.encode(), uri="a/some_notes.txt")


def pairs(text):
    return [(block.headings, block.text) for block in read(text).blocks]


def test_underlined_and_capital_lines_are_headings():
    text = "Trials\n======\n\nIntro.\n\nPHASE 1\n\nSmall.\n\nPhase 2\n-------\nLarger."
    assert read(text).title == "Trials"
    assert pairs(text) == [((), "Intro."), (("PHASE 1",), "Small."), (("Phase 2",), "Larger.")]


def test_a_sentence_in_capitals_is_no_heading():
    assert pairs("DO NOT CRUSH THE TABLETS.\n\nFDA\n\nText.") == [
        ((), "DO NOT CRUSH THE TABLETS."),
        ((), "FDA"),
        ((), "Text."),
    ]


def test_a_rule_between_paragraphs_is_neither_heading_nor_text():
    line = "This is a paragraph which has more words than any heading would have, so it is none."
    assert pairs(f"{line}\n----------\nNext.") == [((), f"{line}\nNext.")]


def test_wrapped_lines_are_joined_and_meant_breaks_kept():
    text = (
        "The clinical development of a medicine is usually divided into phases,\n"
        "and it takes years. In the United States the phases of an investigation\n"
        "Are described in the federal regulations.\n"
        "Address: Main Street 1\n"
        "Phone: 555"
    )
    assert read(text).blocks[0].text == (
        "The clinical development of a medicine is usually divided into phases, and it takes years. "
        "In the United States the phases of an investigation Are described in the federal regulations.\n"
        "Address: Main Street 1\nPhone: 555"
    )


def test_a_hyphen_at_the_end_of_a_line_is_part_of_its_word():
    assert pairs("This is a long-\nterm treatment.") == [((), "This is a long-term treatment.")]


def test_items_are_distinguished():
    blocks = read("You need:\n- a cup\n  of tea\n* milk\n1) sugar\n\nThat is all.").blocks
    assert [(block.kind, block.text) for block in blocks] == [
        ("paragraph", "You need:"),
        ("item", "a cup of tea"),
        ("item", "milk"),
        ("item", "1) sugar"),
        ("paragraph", "That is all."),
    ]


def test_without_headings_the_file_names_the_document():
    assert read("Only text.").title == "some notes"
