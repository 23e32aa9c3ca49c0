# ruff: noqa: RUF001 - texts in many languages

import codecs
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.misplaced import is_misplaced

TEXT = "Größe: 5 µg, naïve café"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 le", "utf-16 be", "utf-32", "cp1252"],
)
def test_every_usual_encoding_is_read(data):
    assert decode(data, uri="a.txt") == TEXT


def test_what_is_declared_is_believed():
    assert decode("Ольга".encode("koi8-r"), uri="a.html", declared="koi8-r") == "Ольга"


def test_an_unknown_or_wrong_declaration_is_passed_over():
    assert decode("Größe".encode(), uri="a.html", declared="ascii") == "Größe"
    assert decode("Größe".encode(), uri="a.html", declared="no-such-thing") == "Größe"


def test_bytes_that_windows_1252_lacks_fall_back_to_latin_1():
    assert decode(b"caf\xe9 and one \x81 " + b"x" * 200, uri="a.txt").startswith("café")


@pytest.mark.parametrize(
    "data",
    [random.Random(1).randbytes(4000), b"\x00\x01\x02\x03", b"text\x00more"],
)
def test_binary_data_is_refused(data):
    with pytest.raises(IngestError, match=r"a\.md holds binary data"):
        decode(data, uri="a.md")


def test_a_broken_utf_16_file_is_refused():
    with pytest.raises(IngestError, match="utf-16"):
        decode(codecs.BOM_UTF16_LE + b"a", uri="a.txt")


TEXTS = {
    "ru": "Вакцина хранится при температуре от двух до восьми градусов. ",
    "uk": "Вакцина зберігається при температурі від двох до восьми градусів. ",
    "zh": "疫苗的储存温度为二至八摄氏度。有效期为三十六个月。",
    "tw": "疫苗的儲存溫度為攝氏二至八度,有效期為三十六個月。",
    "ja": "ワクチンの保管温度は二度から八度です。",
    "ko": "백신은 섭씨 이도에서 팔도 사이에서 보관해야 합니다. ",
    "el": "Το εμβόλιο φυλάσσεται σε θερμοκρασία δύο έως οκτώ βαθμών. ",
    "he": "יש לאחסן את החיסון בטמפרטורה של שתיים עד שמונה מעלות. ",
    "ar": "يحفظ اللقاح في درجة حرارة من اثنين إلى ثماني درجات. ",
    "de": "Die Prüfgröße für Kühlgeräte überschreitet die zulässige Höchstmenge. ",
    "fr": "La température de conservation est de deux à huit degrés, dès l'été. ",
    "es": "La vacuna se conservará entre dos y ocho grados; ¿cuándo caduca el año próximo? ",
    "pt": "A vacina não deve ser congelada; a conservação é obrigatória até à aplicação. ",
    "pl": "Szczepionkę należy przechowywać w temperaturze od dwóch do ośmiu stopni. ",
    "cs": "Vakcínu uchovávejte při teplotě dvě až osm stupňů. ",
    "hu": "Az oltóanyagot két és nyolc fok között kell tárolni, fűtőtest mellett tilos. ",
    "tr": "Aşı iki ila sekiz derece arasında saklanmalıdır. Şişeyi çalkalamayınız. ",
    "lt": "Vakcina laikoma nuo dviejų iki aštuonių laipsnių temperatūroje, šaldytuve. ",
    "en": "It’s 5 °C – the “limit” is £3. ",
}
ENCODED = [
    *(("ru", each) for each in ("cp1251", "koi8-r", "iso8859-5", "cp866", "utf-16-le", "utf-16-be")),
    *(("uk", each) for each in ("cp1251", "koi8-u")),
    *(("zh", each) for each in ("gbk", "gb18030", "utf-16-le")),
    *(("ja", each) for each in ("shift_jis", "euc-jp", "iso2022_jp", "utf-16-be")),
    *(("ko", each) for each in ("euc-kr", "cp949")),
    ("tw", "big5"),
    *(("el", each) for each in ("cp1253", "iso8859-7")),
    ("he", "cp1255"),
    ("ar", "cp1256"),
    *(("de", each) for each in ("cp1252", "cp850", "utf-16-le")),
    *((each, "cp1252") for each in ("fr", "es", "pt", "en")),
    *((language, each) for language in ("pl", "cs", "hu") for each in ("cp1250", "iso8859-2")),
    ("tr", "cp1254"),
    ("lt", "cp1257"),
]


@pytest.mark.parametrize("repeated", [1, 8])
@pytest.mark.parametrize(("language", "encoding"), ENCODED)
@pytest.mark.parametrize("declared", [None, "right", "iso-8859-1", "x-unknown"])
def test_a_sentence_is_enough_to_recognise_its_encoding(language, encoding, declared, repeated):
    text = TEXTS[language] * repeated
    label = encoding if declared == "right" else declared
    assert decode(text.encode(encoding), uri="a.txt", declared=label) == text


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("gb2312", "gbk", "镕"),
        ("GB_2312-80", "gb18030", "镕€"),
        ("x-sjis", "cp932", "①髙"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("latin1", "cp1252", "“a”"),
        ("iso-8859-9", "cp1254", "“ş”"),
        ("windows-1251", "cp1251", "Ольга"),
        ("big5", "big5hkscs", "疫苗的儲存溫度"),
    ],
)
def test_labels_mean_what_they_mean_in_browsers(label, encoding, text):
    assert decode(text.encode(encoding), uri="a.html", declared=label) == text


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1251", "koi8-r", "shift_jis", "ascii"])
def test_utf_8_is_recognised_whatever_is_declared(declared):
    for text in TEXTS.values():
        assert decode(text.encode(), uri="a.html", declared=declared) == text


def test_a_broken_character_does_not_spoil_a_text_in_utf_8():
    data = TEXTS["de"].encode() + "ü".encode()[:1]
    assert decode(data, uri="a.txt") == TEXTS["de"] + "\ufffd"


@pytest.mark.parametrize("data", [b"\xff\xa0\xfe", bytes(range(128, 256))])
def test_what_is_not_sure_is_refused_with_a_word(data):
    with pytest.raises(IngestError, match=r"save it as UTF-8\.$"):
        decode(data, uri="a.txt")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ENCODED), st.integers(0, 40))
def test_nothing_is_read_as_garbage(case, start):
    language, encoding = case
    text = TEXTS[language][start:] + TEXTS[language]
    with suppress(IngestError):
        assert decode(text.encode(encoding), uri="a.txt") == text


HEBREW = "יש לבדוק את המכשיר מדי שנה על ידי טכנאי מוסמך."
GREEK = "Η συσκευή πρέπει να ελέγχεται κάθε χρόνο από ηλεκτρολόγο."
RUSSIAN = "Прибор следует проверять каждый год, не позднее сорока двух дней после установки."
ARABIC = "يجب فحص الجهاز كل عام من قبل فني مختص."
KOREAN = "장치는 매년 자격을 갖춘 기술자가 점검해야 합니다."


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (HEBREW, "cp1255"),
        (HEBREW, "iso8859-8"),
        (KOREAN, "iso2022_kr"),
        ("设备必须每年由合格的技术人员检查一次。", "hz"),
        ("Die Prüfung der Geräte dauert höchstens zwei Tage.", "utf-7"),
    ],
)
def test_what_only_one_alphabet_allows_is_read(text, encoding, declared):
    assert decode(text.encode(encoding), uri="a.txt", declared=declared) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (HEBREW, "cp862"),
        (GREEK, "mac_greek"),
        (RUSSIAN, "mac_cyrillic"),
        (ARABIC, "iso8859-6"),
        ("Łódź jest piękna.", "iso8859-2"),
        ("It’s 5° today.", "mac_roman"),
        ("Það er gott.", "cp1252"),
    ],
)
def test_what_may_be_another_alphabets_is_refused_and_not_stored_otherwise(text, encoding):
    try:
        found = decode(text.encode(encoding), uri="a.txt")
    except IngestError:
        return
    assert found == text


@pytest.mark.parametrize(
    "text", ["10 kΩ und 5 µA für Geräte", "iPhone, McDonald und 5 m² größer", "¿Qué? ¡Sí, mañana!"]
)
def test_units_and_names_are_not_misplaced(text):
    assert not is_misplaced(text)


@pytest.mark.parametrize(
    ("data", "text"), [(b"\xed\xa0\xbd\xed\xb8\x80 fine", "😀 fine"), (b"a\xed\xa0\x80b", "a\ufffdb")]
)
def test_surrogates_in_utf8_are_joined_or_replaced(data, text):
    assert decode(data, uri="a.txt") == text
