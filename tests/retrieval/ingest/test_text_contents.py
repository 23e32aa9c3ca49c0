"""Contents of texts, pages, mail and data that are easily lost, or come to say something else."""

import json
from email.message import EmailMessage

import pytest
from fpdf import FPDF
from tests.retrieval.ingest.made_files import packed, parsed, texts, workbook

from vital_shared.errors import IngestError


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Name;Preis, netto\nTee;1,50\nRum;2,50\n", "Name: Tee; Preis, netto: 1,50"),
        ('Name;Ort\n"Meyer, A";"Bonn, Nord"\n"Li, B";"Kiel, Ost"\n', "Name: Meyer, A; Ort: Bonn, Nord"),
        ("sep=;\nName;Price\nTea;5\nRum;7\n", "Name: Tea; Price: 5"),
    ],
)
def test_the_sign_between_values_is_found_beside_commas_in_them(text, row):
    assert texts("a.csv", text)[0] == row


def test_an_empty_line_of_separated_values_starts_no_other_table():
    assert texts("a.csv", "Name,Role\nAnn,nurse\n\nBob,clerk\nCy,cook\n") == [
        "Name: Ann; Role: nurse",
        "Name: Bob; Role: clerk",
        "Name: Cy; Role: cook",
    ]


@pytest.mark.parametrize(
    "titles", ["Fees of 2024\n", '"Fees, 2024"\n', "# Fees\n# of 2024\n", "Fees of 2024,\n", "Fees\n\n"]
)
@pytest.mark.parametrize("more", ["", ",Unit"])
def test_titles_above_separated_values_are_no_rows_of_theirs(titles, more):
    values = f"Name,Fee{more}\nTea,5{more and ',EUR'}\nRum,7{more and ',EUR'}\n"
    rows = [f"Name: Tea; Fee: 5{more and '; Unit: EUR'}", f"Name: Rum; Fee: 7{more and '; Unit: EUR'}"]
    assert texts("a.csv", titles + values)[-2:] == rows


def test_a_list_of_single_values_has_no_title():
    assert texts("a.csv", "Tea\nRum\nGin\n") == ["Tea", "Rum", "Gin"]


def test_rows_of_unequal_length_are_read():
    text = "version,name,eol,support\n4.10,Warty,2006\n5.04,Hoary,2006,2011\n"
    assert texts("a.csv", text) == [
        "version: 4.10; name: Warty; eol: 2006",
        "version: 5.04; name: Hoary; eol: 2006; support: 2011",
    ]
    assert texts("a.xlsx", workbook([("A", "B", "C"), ("x",), ("y", 1, 2)]))[0] == "A: x"


@pytest.mark.parametrize(
    "text",
    [
        "#  Changing the grammar will most likely\n#  require changes in the parser\n#  module as well\n",
        "-  Take the bus\n-  Take the tram\n-  Walk along\n",
        "1.  Take the bus\n2.  Take the tram\n3.  Walk along\n",
        "One line.  Another one.\nAnd the next.  It goes on here.\nAnd so on and on.  The end.\n",
    ],
)
def test_comments_lists_and_prose_in_a_text_are_no_tables(text):
    assert "row" not in {block.kind for block in parsed("a.txt", text).blocks}


def test_rows_of_numbers_in_a_text_have_no_header():
    rows = (
        "0.9 thru 1.2   1991-1995   CWI\n1.3 thru 1.5   1995-1999   CNRI\n1.6            2000        CNRI\n"
    )
    assert texts("a.txt", rows)[0] == "0.9 thru 1.2; 1991-1995; CWI"


def test_numbers_of_json_are_as_they_are_written_and_no_member_is_lost():
    assert texts("a.json", '{"price": 1.10, "id": 12345678901234567890.5}') == [
        "price: 1.10; id: 12345678901234567890.5"
    ]
    assert texts("a.json", '{"fee": 1, "fee": 2}') == ["1", "2"]


def test_values_of_json_may_follow_each_other_over_lines():
    values = "\n".join(
        json.dumps(each, indent=1, ensure_ascii=False) for each in ({"a": "x\u2028y"}, {"a": 2})
    )
    assert texts("a.jsonl", values) == ["a: x\ny", "a: 2"]


def test_a_mail_whose_plain_text_says_nothing_is_read_from_its_html():
    message = EmailMessage()
    message["Subject"] = "Date"
    message.set_content("Please open this mail in a reader of HTML.")
    message.add_alternative("<p>The meeting takes place on 5 May at noon in room 12.</p>", subtype="html")
    assert texts("a.eml", message.as_bytes())[-1] == "The meeting takes place on 5 May at noon in room 12."


def test_forwarded_messages_and_more_text_of_a_mail_are_read():
    inner = EmailMessage()
    inner["Subject"] = "Budget"
    inner.set_content("It is 500 euros.")
    message = EmailMessage()
    message.set_content("See below.")
    message.add_attachment(inner)
    message.add_attachment("The code is 4711.", disposition="inline")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="p.png")
    result = parsed("a.eml", message.as_bytes())
    assert [block.text for block in result.blocks] == [
        "See below.",
        "Subject: Budget",
        "It is 500 euros.",
        "The code is 4711.",
        "Attachments: p.png",
    ]
    assert result.notes == ("Its attachment p.png was not read.",)


def test_texts_one_below_the_other_are_all_read():
    message = EmailMessage()
    message.make_mixed()
    message.add_attachment("The fee is 5 euros.", disposition="inline")
    message.add_attachment("<p>The deposit is 20 euros.</p>", subtype="html", disposition="inline")
    assert texts("a.eml", message.as_bytes()) == ["The fee is 5 euros.", "The deposit is 20 euros."]


def test_files_and_other_forms_beside_the_text_are_named():
    message = EmailMessage()
    message.set_content("We meet at noon.")
    message.add_alternative("<p>We meet at noon.</p><img src=cid:p>", subtype="html")
    message.get_payload()[1].add_related(b"x", maintype="image", subtype="png", filename="map.png")
    message.add_alternative("BEGIN:VCALENDAR", subtype="calendar")
    result = parsed("a.eml", message.as_bytes())
    assert [block.text for block in result.blocks] == [
        "We meet at noon.",
        "Attachments: map.png, text/calendar",
    ]


@pytest.mark.parametrize(
    "kind",
    ["application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "multipart/encrypted; boundary=B"],
)
def test_an_encrypted_mail_is_refused_in_one_sentence(kind):
    data = f"Subject: x\nMIME-Version: 1.0\nContent-Type: {kind}\n\n--B\n\nabc\n--B--\n"
    with pytest.raises(IngestError, match=r"^a\.eml is encrypted: save a copy of its text\.$"):
        parsed("a.eml", data)


def test_quoted_lines_of_a_mail_are_apart_from_the_answer():
    data = b"Subject: Re\n\nYes, five euros.\n> What is the\n> price?\n"
    assert texts("a.eml", data)[1:] == ["Yes, five euros.", "> What is the price?"]


def test_an_invitation_without_a_text_is_named():
    data = b"Subject: Meet\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n"
    assert parsed("a.eml", data).notes == ("Its attachment text/calendar was not read.",)


def test_attachments_of_a_pdf_are_named():
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=12)
    document.cell(text="See the data.")
    document.embed_file(bytes=b"1;2", basename="data.csv", desc="d")
    assert parsed("a.pdf", bytes(document.output())).notes == ("Its attachment data.csv was not read.",)


def test_columns_of_blanks_in_a_text_keep_their_empty_cells():
    text = "Doses\n=====\n\nDrug      Adult   Child\nAbacol    500 mg  250 mg\nBentrix           5 mg\n"
    assert texts("a.txt", text) == [
        "Drug: Abacol; Adult: 500 mg; Child: 250 mg",
        "Drug: Bentrix; Child: 5 mg",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10<sup>6</sup> cells", "10⁶ cells"),
        ("~~40~~ 30 euros", "(struck out: 40) 30 euros"),
        ("![The valve opens at 5 bar](v.png)", "The valve opens at 5 bar"),
        (
            "<table>\n\n<tr><th>Drug</th><th>Dose</th></tr>\n\n<tr><td>A</td><td>5</td></tr>\n\n</table>",
            "Drug: A; Dose: 5",
        ),
    ],
)
def test_markdown_keeps_what_the_form_of_letters_pictures_and_tables_say(text, said):
    assert texts("a.md", f"{text}\n") == [said]


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<section><header><h2>Hours</h2></header><p>9 to 5.</p></section>", ["9 to 5."]),
        ("<header><h1>Visa 2025</h1><p>In force.</p></header><p>Go.</p>", ["In force.", "Go."]),
        ("<p>Go.</p><aside><p>Call 555 12 on weekdays.</p></aside>", ["Go.", "Call 555 12 on weekdays."]),
        ("<p>Closed on the fifth of May.</p><article>Go.</article>", ["Closed on the fifth of May.", "Go."]),
        ("<svg><text>Gate 5</text></svg>", ["Gate 5"]),
        (
            "<table><tr><td>Drug</td><td>Adult</td><td>Child</td></tr><tr><td>B</td><td></td><td>5</td></tr></table>",
            ["Drug: B; Child: 5"],
        ),
        (
            "<table><thead><tr><td>Drug</td><td>Adult</td></tr></thead><tr><td>B</td><td>-</td></tr></table>",
            ["Drug: B; Adult: -"],
        ),
        ("<table><tr><td>A</td><td></td><td>5 mg</td></tr></table>", ["A; \u2013; 5 mg"]),
        (
            "<table><tr><th>Drug</th><th>Dose</th></tr><tr><th colspan=2>New</th></tr><tr><td>A</td><td>5</td></tr></table>",
            ["New", "Drug: A; Dose: 5"],
        ),
        (
            "<table><tr><th>Plan</th><th>Has</th></tr><tr><td>Pro</td><td><ul><li>5 GB</li><li>mail</li></ul></td></tr></table>",
            ["Plan: Pro; Has: 5 GB, mail"],
        ),
        (
            "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td><table><tr><th>C</th><td>2</td></tr></table></td></tr></table>",
            ["A: 1; B: (C: 2)"],
        ),
        (
            f"<table><tr><th>Welcome</th></tr><tr><td><table><tr><td>{'All you need to know. ' * 20}</td></tr></table></td></tr></table>",
            ["Welcome", " ".join(["All you need to know."] * 20)],
        ),
        (
            "<dl><dt>Closed<dd>on Sundays<dd>in August<dt>Open<dd>from nine</dl>",
            ["Closed: on Sundays", "Closed: in August", "Open: from nine"],
        ),
    ],
)
def test_pages_keep_headers_asides_drawings_and_columns(html, said):
    assert texts("a.html", f"<title>T</title><body>{html}</body>") == said


def test_a_book_keeps_its_notes_and_the_headings_of_its_chapters():
    page = (
        '<html xmlns:epub="http://www.idpf.org/2007/ops"><body><section><header><h1>One</h1></header>'
        '<p>Wine is old.</p><aside epub:type="footnote" id="f">Since 6000 BC.</aside></section></body></html>'
    )
    manifest = '<manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
    book = {
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
        "c.opf": f'<package>{manifest}<spine><itemref idref="a"/></spine></package>',
        "a.xhtml": page,
    }
    result = parsed("a.epub", packed(book))
    assert (result.title, [block.text for block in result.blocks]) == (
        "One",
        ["Wine is old.", "Since 6000 BC."],
    )
