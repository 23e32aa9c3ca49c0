import pytest

from vital_shared.retrieval.ingest.from_html import parse_html


def read(html, **options):
    return parse_html(html.encode(), uri="page.html", **options)


def texts(html):
    return [block.text for block in read(html).blocks]


def test_the_content_is_kept_and_what_surrounds_it_is_not():
    page = """<!doctype html><html><head><title>Aspirin | House</title><style>p {}</style></head><body>
    <header><p>Logo</p></header><nav><a href="/">Home</a></nav><aside>Ad</aside>
    <h1>Aspirin</h1><p>Relieves   <b>pain</b>. <a href="/x">See label</a>.</p><!-- no -->
    <script>track()</script><noscript>Enable it</noscript>
    <div id="cookie-banner" class="x">We use cookies</div><div class="onetrust-consent">Accept</div>
    <p hidden>Hidden</p><p style="display: none">Gone</p><div aria-hidden="true">Icon</div>
    <div role="navigation">Menu</div><footer>Imprint</footer></body></html>"""
    assert read(page).title == "Aspirin"
    assert texts(page) == ["Relieves pain. See label."]


def test_informed_consent_is_content():
    assert texts('<div class="informed-consent">Sign it.</div>') == ["Sign it."]


def test_only_the_main_part_is_read_where_there_is_one():
    assert texts("<p>Before</p><main><header><h1>T</h1></header><p>Inside</p></main><p>After</p>") == [
        "Inside"
    ]


def test_the_header_of_an_article_is_content_and_that_of_the_page_is_not():
    html = (
        "<header>Logo</header><article><header>By A. N.</header><p>One.</p></article><article>Two.</article>"
    )
    assert texts(html) == ["By A. N.", "One.", "Two."]


def test_an_empty_main_part_does_not_hide_the_page():
    assert texts("<main></main><p>Text</p>") == ["Text"]


def test_a_page_without_body_and_with_unclosed_tags_is_read():
    assert texts("<title>T</title>Loose text<p>One<p>Two<ul><li>a<li>b</ul>") == [
        "Loose text",
        "One",
        "Two",
        "a",
        "b",
    ]


def test_headings_make_sections():
    parsed = read(
        "<h1>Drug</h1><p>a</p><h2>Dose <em>of it</em></h2><div><div><p>b</p></div></div><h2>Store</h2>c"
    )
    assert [(block.headings, block.text) for block in parsed.blocks] == [
        ((), "a"),
        (("Dose of it",), "b"),
        (("Store",), "c"),
    ]


def test_lists_are_items_with_their_numbers():
    html = "<ol start=2><li>wash<ul><li>hands</li></ul></li><li><p>dry</p><p>well</p></li></ol>"
    assert [(block.kind, block.text) for block in read(html).blocks] == [
        ("item", "2. wash"),
        ("item", "hands"),
        ("item", "3. dry"),
        ("item", "well"),
    ]


def test_a_definition_stands_with_its_term():
    assert texts("<dl><dt>AUC</dt><dd>Area <i>under</i> the curve</dd><dt>MTD</dt></dl>") == [
        "AUC: Area under the curve",
        "MTD:",
    ]


def test_line_breaks_are_kept_and_code_too():
    assert texts("<p>Street 1<br>Town</p><pre>a\n  b</pre>") == ["Street 1\nTown", "a\n  b"]


def test_a_table_row_reads_alone():
    table = """<table><caption>Doses</caption><thead><tr><th>Drug<th>Dose</tr></thead>
    <tbody><tr><td>Aspirin</td><td>100 <b>mg</b></td></tr><tr><td>Warfarin<td></tr></tbody></table>"""
    assert texts(table) == ["Doses", "Drug: Aspirin; Dose: 100 mg", "Drug: Warfarin"]


def test_cells_over_several_rows_and_columns_keep_their_headings():
    table = """<table><tr><th rowspan=2>Drug</th><th colspan=2>Dose</th></tr><tr><th>Day</th><th>Night</th></tr>
    <tr><td rowspan=2>A</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"""
    assert texts(table) == [
        "Drug: A; Dose Day: 1; Dose Night: 2",
        "Drug: A; Dose Day: 3; Dose Night: 4",
    ]


def test_headings_at_the_left_lead_their_rows():
    assert texts("<table><tr><th>Class</th><td>C</td></tr><tr><th>Route</th><td>oral</td></tr></table>") == [
        "Class: C",
        "Route: oral",
    ]


def test_a_table_that_only_places_things_is_read_through():
    assert texts(
        "<table><tr><td><h2>Title</h2><p>Text</p></td><td><table><tr><td>x</td></tr></table></td></table>"
    ) == [
        "Text",
        "x",
    ]


def test_a_span_without_measure_is_bounded():
    assert texts('<table><tr><td colspan="999999999">a</td><td rowspan="99999999">b</td></tr></table>') == [
        "a; b"
    ]


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 5000 + "deep",
        "<b>" * 5000 + "deep",
        "<table><tr><td>" * 5000 + "deep",
        "<article>" + "<header>" * 5000 + "deep",
        "<a " * 5000 + ">deep",
    ],
)
def test_nesting_without_end_is_read(html):
    parsed = read(html)
    assert "deep" in " ".join(block.text for block in parsed.blocks) or html.startswith("<a ")


def test_a_declared_encoding_is_used():
    html = '<html><head><meta charset="windows-1251"></head><body>Привет</body></html>'
    assert [block.text for block in parse_html(html.encode("cp1251"), uri="p.html").blocks] == ["Привет"]


def test_xhtml_with_an_xml_declaration_is_read():
    html = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Größe</p></body></html>'
    assert texts(html) == ["Größe"]


def test_text_that_looks_like_a_file_name_is_text():
    assert texts("notes.html") == ["notes.html"]


def test_the_title_is_the_page_s_own_where_the_heading_says_something_else():
    assert read("<title>Label of aspirin</title><h1>Welcome</h1><p>x</p>").title == "Label of aspirin"
