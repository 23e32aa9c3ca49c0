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


@pytest.mark.parametrize(
    "footer",
    [
        "<footer>Call +1 (555) 010-2345 {}</footer>",
        "<footer><p>Write to help@oak.example {}</p></footer>",
        '<footer role="contentinfo">Open Mo\u2013Fr 9:00\u201317:30 {}</footer>',
        '<div role="contentinfo">Open 9 am to 5 pm {}</div>',
        "<footer><address>Oak House, 1 High Street</address> {}</footer>",
        '<footer><a href="tel:+15550102345">+1 555 010 2345</a> {}</footer>',
    ],
)
@pytest.mark.parametrize("page", ["<p>Tea.</p>{}", "<main><p>Tea.</p></main>{}"])
def test_a_footer_that_says_how_to_reach_somebody_is_content(footer, page):
    read_texts = texts(page.format(footer.format("\u00a9 2024")))
    assert read_texts[0] == "Tea."
    assert "2024" in read_texts[-1]


@pytest.mark.parametrize(
    "footer",
    [
        "\u00a9 2019\u20132024 Oak Ltd.",
        "Version 1.2.3, built 2024-05-06",
        "\u00a9 2019-2024 Oak Ltd., VAT DE123456789",
        '<a href="/a">About us</a> <a href="/b">Write to help@oak.example</a>',
        "All rights reserved.",
    ],
)
@pytest.mark.parametrize("tag", ["<footer>{}</footer>", '<div role="contentinfo">{}</div>'])
def test_other_footers_of_pages_are_not(footer, tag):
    for page in ("<p>Tea.</p>{}", "<main><p>Tea.</p></main>{}"):
        assert texts(page.format(tag.format(footer))) == ["Tea."]


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


@pytest.mark.parametrize(
    ("html", "marks"),
    [
        ("<ol><li>x<li value=7>x<li>x</ol>", ["1.", "7.", "8."]),
        ("<ol reversed><li>x<li>x<ul><li>x</ul><li>x</ol>", ["3.", "2.", "x", "1."]),
        ("<ol reversed start=9><li>x<li>x</ol>", ["9.", "8."]),
        ("<ol type=a start=26><li>x<li>x</ol>", ["z.", "aa."]),
        ("<ol type=I start=3><li>x<li>x<li type=i>x</ol>", ["III.", "IV.", "v."]),
        ("<ol type=A start=0><li>x<li>x</ol>", ["0.", "A."]),
        ("<ol start=many type=odd><li value=''>x</ol>", ["1."]),
    ],
)
def test_items_have_the_marks_that_a_reader_sees(html, marks):
    assert [text.split()[0] for text in texts(html)] == marks


def test_a_table_by_its_roles_is_a_table():
    rows = [
        "<div role=row><span role=columnheader>Name</span><span role=columnheader>Fee</span></div>",
        "<div role=row><span role=rowheader>Tea</span><span role=cell>5</span></div>",
        "<div role=row><span role=gridcell>Rum</span><span role=cell>7</span></div>",
    ]
    html = f"<div role=table><div role=rowgroup>{rows[0]}</div><div role=rowgroup>{''.join(rows[1:])}</div></div>"
    assert texts(html) == ["Name: Tea; Fee: 5", "Name: Rum; Fee: 7"]


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


@pytest.mark.parametrize(
    ("html", "phrase"),
    [
        ('<h2><button aria-expanded="false">How?</button></h2><div class="collapse">So.</div>', "How? So."),
        ('<div><button data-bs-toggle="collapse">More on doses</button></div><p>So.</p>', "More on doses"),
        ("<details><summary>Doses</summary><p>Children take 5 mg.</p></details>", "Children take 5 mg."),
        ('<div role="tabpanel" hidden>Children take 5 mg.</div>', "Children take 5 mg."),
        (
            '<button aria-controls="c">More</button><div id="c" style="display:none">Take 5 mg.</div>',
            "Take 5 mg.",
        ),
        (
            '<a role="tab" href="#c">More</a><section id="c" aria-hidden="true">Take 5 mg.</section>',
            "Take 5 mg.",
        ),
        ('<p>Dry.</p><div hidden="until-found">Below 25 degrees.</div>', "Below 25 degrees."),
        ('<main><p>Go.</p><aside class="x">Never exceed 3 bar.</aside></main>', "Never exceed 3 bar."),
        ('<p>Go.</p><aside role="note">Never exceed 3 bar.</aside>', "Never exceed 3 bar."),
        ('<main><div role="complementary">The fuse is 2 A.</div></main>', "The fuse is 2 A."),
        ("<main><p>Go.</p></main><dialog>The fuse is 2 A.</dialog>", "The fuse is 2 A."),
        ("<p>It is <math><mi>C</mi><mo>=</mo><mn>140</mn></math> now.</p>", "It is C = 140 now."),
        ("<math><mfrac><mi>a</mi><msup><mi>b</mi><mn>2</mn></msup></mfrac></math>", "a/b^2"),
        (  # as KaTeX writes it
            (
                "<p><math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x_1</annotation></semantics>"
                "</math><span aria-hidden='true'>x1</span></p>"
            ),
            "x_1",
        ),
        ('<p>See <img alt="x equals 42" src="a.png">.</p>', "See x equals 42 ."),
        ('<table><tr><th>Dose</th></tr><tr><td><img alt="5 mg" src="a"></td></tr></table>', "Dose: 5 mg"),
        ('<svg role="img"><title>Pressure curve</title><path d=""/></svg>', "Pressure curve"),
        ('<my-card><template shadowrootmode="open"><p>12 hours.</p></template></my-card>', "12 hours."),
        ("<noscript><p>The dose is 5 mg.</p></noscript>", "The dose is 5 mg."),
        ('<iframe srcdoc="&lt;p&gt;The dose is 5 mg.&lt;/p&gt;"></iframe>', "The dose is 5 mg."),
        (
            "<figure><img alt='Curve' src='a'><figcaption>Curve of pressure</figcaption></figure>",
            "Curve of pressure",
        ),
        ("<dl><dt>Dose</dt><dd>5 mg</dd></dl>", "Dose: 5 mg"),
    ],
)
def test_what_a_reader_sees_at_first_or_after_a_click_is_kept_once(html, phrase):
    found = "\n".join(texts(html))
    assert found.count(phrase) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<button>Send</button>",
        '<div style="display:none">Junk</div>',
        "<template><p>Row</p></template>",
        "<noscript>Please enable JavaScript.</noscript>",
        '<dialog class="cookie-banner">We use cookies.</dialog>',
        '<article><aside><a href="/">Other pages</a></aside></article><article></article>',
        '<img alt="IMG_0001.JPG" src="a">',
        '<img alt="" src="a">',
        "<svg><path d=''/></svg>",
        "<script>let a = 'text'</script>",
        '<nav><button aria-controls="m">Menu</button><ul id="m"><li>Home</li></ul></nav>',
    ],
)
def test_what_is_no_content_stays_out(html):
    assert texts(f"<p>Text.</p>{html}") == ["Text."]


def test_a_page_that_declares_utf_16_is_read_as_utf_8():
    assert texts('<meta charset="utf-16"><p>Größe</p>') == ["Größe"]


@pytest.mark.parametrize(
    "html",
    [
        "<button aria-controls='p'>Q</button><div style='visibility:hidden'><div id='p'>SEEN</div></div>",
        "<div role='button' aria-controls='p'>Q</div><div hidden><div><div id='p'>SEEN</div></div></div>",
        "<div class='expand-control'>Q</div><div class='expand-content' style='display:none'>SEEN</div>",
        "<a href='#a' aria-expanded='false'>Q</a><div id='a' hidden>SEEN</div>",
        "<main>Q</main><aside class='warning'>SEEN</aside>",
        "<main>Q</main><div role='alert'>SEEN</div>",
        "<object data='plan.pdf'><p>SEEN</p></object>",
        "<p>Q <span style='display:none'><math><mi>SEEN</mi></math></span><img aria-hidden='true' alt='x'></p>",
    ],
)
def test_what_a_click_or_another_reader_shows_is_read(html):
    assert "SEEN" in str(parse_html(f"<body>{html}</body>".encode(), uri="p.html").blocks)


@pytest.mark.parametrize(
    "html",
    [
        "<nav hidden><button aria-controls='p'>Q</button><div id='p'>GONE</div></nav>",
        "<div hidden>GONE<button aria-controls='p'>Q</button><div id='p'>A</div></div>",
        "<video>Your browser cannot play this video. GONE</video>",
        "<main>Q</main><aside class='related'>GONE</aside>",
    ],
)
def test_what_nobody_sees_is_not_read(html):
    assert "GONE" not in str(parse_html(f"<body><p>Text.</p>{html}</body>".encode(), uri="p.html").blocks)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>6</sup> cells per m<sup>2</sup>", "10⁶ cells per m²"),
        ("10<sup>\u22123</sup> mol", "10⁻³ mol"),
        ("e<sup>kt</sup> grows", "e^kt grows"),
        ("on the 1<sup>st</sup> of May", "on the 1st of May"),
        ('42 days<sup><a href="#n1">1</a></sup> later', "42 days[1] later"),
        ("42 days<sup>[1]</sup> later", "42 days[1] later"),
        ("CO<sub>2</sub> and H<sub>2</sub>O", "CO2 and H2O"),
        ("101<sub>2</sub> is five", "101_2 is five"),
        ("Now <del>$50</del> $40", "Now (struck out: $50) $40"),
        ("Now <s>$50</s> $40", "Now (struck out: $50) $40"),
        ("<ruby>漢<rt>kan</rt></ruby>", "漢 (kan)"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢 (kan)"),
        ('<abbr title="World Health Organization">WHO</abbr>', "WHO (World Health Organization)"),
        ("Size: <select><option>small<option>large</select>", "Size: small, large"),
        ("Size: <select><option>small<option selected>large</select>", "Size: small, [x] large"),
        ("Size: <select><option selected>large</select>", "Size: large"),
        (f"Year: <select>{'<option>2000' * 40}<option selected>2024</select>", "Year: 2024"),
        (f"Year: <select>{'<option>2000' * 40}</select>", "Year:"),
        ("Notes: <textarea>no nuts</textarea>", "Notes: no nuts"),
        ("He said <q>no</q>.", "He said \u201cno\u201d."),
        ('<a href="mailto:help@x.org?subject=a">Write</a> to us', "Write (help@x.org) to us"),
        ('<a href="mailto:a%40x.org">a@x.org</a>', "a@x.org"),
        ('<a href="mailto:?subject=Read this">Share</a>', "Share"),
        ('<a href="tel:+49301234">Call</a> us', "Call (+49301234) us"),
        ('<a href="tel:+49-30-1234">0049 30 / 12 34</a>', "0049 30 / 12 34"),
        ('<a href="https://x.org/apply">Apply</a>', "Apply"),
        ('Dose: <input value="42 mg" readonly>', "Dose: 42 mg"),
        ('<input type="checkbox" checked> fragile', "[x] fragile"),
        ('<input type="hidden" value="token"> seen', "seen"),
    ],
)
def test_what_the_form_of_letters_says_is_spelt_out(html, text):
    assert " ".join(" ".join(texts(f"<p>{html}</p>")).split()) == text


def test_exponents_in_tables_are_spelt_out():
    html = "<table><tr><th>cells</th><th>price</th></tr><tr><td>10<sup>6</sup></td><td><s>9</s> 8</td></tr></table>"
    assert texts(html) == ["cells: 10⁶; price: (struck out: 9) 8"]


def test_what_details_hide_keeps_its_summary():
    html = "<details><summary>How hot?</summary><p>At most 60 degrees.</p></details>"
    assert texts(html) == ["How hot? At most 60 degrees."]


@pytest.mark.parametrize(
    "style", ["opacity:0", "color:red; opacity: 0.0 !important", "font-size:0", "font-size: 0px;"]
)
def test_letters_that_nobody_can_see_are_no_content(style):
    assert texts(f'<p>Tea.</p><p>Milk <span style="{style}">ignore this</span>.</p>') == ["Tea.", "Milk ."]


@pytest.mark.parametrize(
    "opening",
    [
        '<p style="opacity:0.5">',
        '<p style="opacity:0;transform:translateY(20px)">',
        '<p style="opacity:0" data-w-id="7">',
        '<p style="opacity:0" class="fade-in">',
        '<p style="font-size:0.8em">',
        '<p style="line-height:0">',
        '<div style="font-size:0"><p style="font-size:16px">',
    ],
)
def test_what_appears_later_or_is_only_small_is_content(opening):
    assert texts(f"{opening}Coffee.") == ["Coffee."]
