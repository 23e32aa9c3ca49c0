"""Bytes to text, whatever the encoding: read, or refused where it is not sure."""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from charset_normalizer import from_bytes

from vital_shared.errors import IngestError
from vital_shared.models.clean_text import clean_text
from vital_shared.retrieval.ingest.encoding_labels import codec_of
from vital_shared.retrieval.ingest.latin_encodings import (
    LATIN,
    decode_windows_1252,
    guess_latin,
)
from vital_shared.retrieval.ingest.misplaced import is_misplaced, is_mostly_capitals

__all__ = ["decode"]

# UTF-32's mark begins with UTF-16's, so it comes first.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_HZ: Final = re.compile(rb"~\{(?:[!-w][!-~]){2,}~\}")
"""Two or more Chinese characters as RFC 1843 writes them."""

_UTF7: Final = re.compile(rb"\+A[I-P][A-Za-z0-9+/]-")
"""A letter of the Latin alphabet beyond ASCII as UTF-7 writes it (RFC 2152)."""
MIN_UTF7_LETTERS: Final = 2

_OTHER_SCRIPTS: Final = """
    cp1251 koi8_r koi8_u iso8859_5 cp866 cp1253 cp1255 cp1256 cp874
    gb18030 big5hkscs cp932 euc_jp cp949 utf_16_le utf_16_be
""".split()  # noqa: SIM905 - a list of 16 strings reads worse
"""Encodings of other alphabets than the Latin: the frequencies of their letters show which it is."""

_MULTIBYTE: Final = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jp", "cp949"})

MAX_CONTROL_SHARE: Final = 0.01
"""The share of control characters above which data is no text: text has few, random bytes a tenth."""

MAX_BROKEN_SHARE: Final = 0.02
"""The share of characters beyond ASCII that a text in UTF-8 may have lost, by a cut or a faulty merge."""

MIN_UTF8_SEQUENCES: Final = 5
"""Characters beyond ASCII that are no accident as valid UTF-8 where an East Asian encoding is declared."""

SAMPLE_BYTES: Final = 50_000
"""Bytes from the first one beyond ASCII by which an encoding is recognised."""

MAX_CHAOS: Final = 0.1
MIN_COHERENCE: Final = 0.2
"""Disorder and likeness to a language, as charset-normalizer measures them, of an encoding that is sure."""

MIN_CAPITALS_COHERENCE: Final = 0.4
"""Likeness to a language of a text in capitals alone, as which another encoding's small letters are read."""

MAX_BEYOND_SHARE: Final = 0.1
"""The share of letters in a text of a Latin code page that may be of no language known here."""

MIN_COHERENCE_LEAD: Final = 0.1
MIN_CHAOS_LEAD: Final = 0.05
"""The lead that the best encoding needs over the second, as charset-normalizer measures them."""

MIN_REFUTING_COHERENCE: Final = 0.3
"""The lead that another encoding needs over the declared one, to be believed instead."""


class _Match(NamedTuple):
    encoding: str
    text: str
    chaos: float
    coherence: float


def decode(data: bytes, *, uri: str, declared: str | None = None) -> str:
    """Return the text of `data`.

    A byte-order mark decides, then valid UTF-8, then what the document declares unless its letters speak
    against it, and last what they show.

    :param declared: a label as HTTP or the document has it.
    :raises IngestError: when it is not text, or its encoding is not sure.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    text = _strict(data, marked) if marked else _unmarked(data, codec_of(declared))
    if text is not None and not _is_binary(text):
        return text
    if marked:
        raise IngestError(f"{uri} begins as {marked} but is not: save it as UTF-8.", path=uri)
    if text is not None or _is_binary(data.decode("latin-1")):
        raise IngestError(
            f"{uri} holds binary data and not text: check the file and its suffix, or save it as UTF-8.",
            path=uri,
        )
    raise IngestError(
        f"{uri} is in an encoding that cannot be recognised for sure: save it as UTF-8.", path=uri
    )


def _unmarked(data: bytes, declared: str | None) -> str | None:
    if (text := _escaped(data)) is not None:
        return text
    if data.isascii() and not _is_binary(text := data.decode("ascii")):
        return text
    if (text := _utf8(data, declared)) is not None:
        return text
    if (text := _wide(data)) is not None:
        return text
    return _declared(data, declared) if declared else _guessed(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return decode_windows_1252(data) if encoding == "cp1252" else data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _escaped(data: bytes) -> str | None:
    """Read encodings whose bytes are ASCII with escapes."""
    if b"\x1b$" in data:
        return _strict(data, "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp")
    if data.isascii() and _HZ.search(data):
        return _strict(data, "hz")
    if data.isascii() and len(_UTF7.findall(data)) >= MIN_UTF7_LETTERS:
        return _strict(data, "utf-7")
    return None


def _utf8(data: bytes, declared: str | None) -> str | None:
    """Read UTF-8; a few broken characters are replaced, as every reader of UTF-8 does."""
    if b"\0" in data:
        return None
    if declared not in _MULTIBYTE and (text := _with_surrogates(data)) is not None:
        return text
    text = data.decode("utf-8", "replace")
    beyond = sum(not each.isascii() for each in text)
    broken = text.count("\ufffd") - data.count("\ufffd".encode())
    if declared in _MULTIBYTE and beyond < MIN_UTF8_SEQUENCES:
        return None
    limit = max(1, MAX_BROKEN_SHARE * beyond) if beyond > MIN_UTF8_SEQUENCES or declared == "utf-8" else 0
    return text if broken <= limit and (broken == 0 or beyond > 2 * broken) else None


def _with_surrogates(data: bytes) -> str | None:
    """Read UTF-8 with surrogates, as UTF-16 has them (CESU-8): pairs are joined, halves replaced."""
    try:
        return clean_text(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return None


def _wide(data: bytes) -> str | None:
    """Read UTF-16 without a mark by the zeros of its ASCII characters."""
    zeros = data[:SAMPLE_BYTES:2].count(0), data[1:SAMPLE_BYTES:2].count(0)
    pairs = min(len(data), SAMPLE_BYTES) / 2
    for encoding, (few, many) in {"utf-16-le": zeros, "utf-16-be": zeros[::-1]}.items():
        if many > 0.4 * pairs and few < 0.05 * pairs:
            return _strict(data, encoding)
    return None


def _declared(data: bytes, encoding: str) -> str | None:
    """Believe a declaration, unless it cannot be or another encoding fits far better."""
    text = _strict(data, "utf-16-le" if encoding == "utf-16" else encoding)
    if text is None or encoding in LATIN:
        # The Latin code pages take any bytes, and servers declare them for what they do not know.
        fitting = None if encoding == "cp1252" else guess_latin(data, encoding)
        return fitting or _guessed(data) or _plausible(text)
    if encoding in _MULTIBYTE or encoding.startswith("utf"):
        return text
    others = _matches(data, (*_OTHER_SCRIPTS, encoding))
    own = next((each.coherence for each in others if each.text[:100] in text), 0.0)
    best = max(others, key=lambda match: match.coherence - match.chaos, default=None)
    if best is not None and best.coherence - own >= MIN_REFUTING_COHERENCE:
        return _strict(data, best.encoding)
    return text


def _plausible(text: str | None) -> str | None:
    """Return a text whose letters beyond ASCII stand in words of ASCII letters, and few in number."""
    letters = [each for each in text or "" if each.isalpha()]
    beyond = sum(not each.isascii() for each in letters)
    return text if text and beyond < MAX_BEYOND_SHARE * len(letters) and not is_misplaced(text) else None


def _guessed(data: bytes) -> str | None:
    """Read what declares nothing, where only one reading makes sense."""
    letters = re.sub(rb"[^A-Za-z\x80-\xff]", b"", data[:SAMPLE_BYTES])
    mostly_latin = len(letters) > 0 and sum(each < 0x80 for each in letters) >= len(letters) / 2
    if mostly_latin and (text := guess_latin(data)) is not None:
        return text
    found = _matches(data, _OTHER_SCRIPTS)
    if found and _is_sure(found[0], found[1:], mostly_latin=mostly_latin):
        return _strict(data, found[0].encoding)
    return None if found or mostly_latin else guess_latin(data)


def _is_sure(best: _Match, others: list[_Match], *, mostly_latin: bool) -> bool:
    needed = MIN_CAPITALS_COHERENCE if is_mostly_capitals(best.text) else MIN_COHERENCE
    by_letters = best.coherence >= needed or best.encoding in _MULTIBYTE
    alone = not others and not mostly_latin and not is_mostly_capitals(best.text)
    return (
        best.chaos < MAX_CHAOS
        and (by_letters or alone or best.encoding.startswith("utf"))
        and all(_leads(best, other) for other in others)
    )


def _leads(best: _Match, other: _Match) -> bool:
    return (
        other.chaos - best.chaos >= MIN_CHAOS_LEAD
        or best.coherence - other.coherence >= MIN_COHERENCE_LEAD
        or other.text == best.text
    )


def _matches(data: bytes, encodings: list[str] | tuple[str, ...]) -> list[_Match]:
    """Return the encodings that a sample may be in, the best first."""
    found = re.search(rb"[\x80-\xff]", data)
    start = max(0, found.start() - 200) // 2 * 2 if found else 0
    if start:  # at a line's start, so that no character is cut
        start = max(data.rfind(b"\n", 0, start) + 1, 0)
    results = from_bytes(
        data[start : start + SAMPLE_BYTES], cp_isolation=list(encodings), preemptive_behaviour=False
    )
    matches = (_Match(each.encoding, str(each), each.chaos, each.coherence) for each in results)
    return [match for match in matches if not is_misplaced(match.text)]


def _is_binary(text: str) -> bool:
    controls = sum(map(text.count, map(chr, [*range(9), *range(14, 32), *range(127, 133), *range(134, 160)])))
    return "\0" in text or controls > MAX_CONTROL_SHARE * len(text)
