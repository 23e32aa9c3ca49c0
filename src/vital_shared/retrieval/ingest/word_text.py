"""The text of a Word paragraph: letters in their forms, symbols, boxes to check, formulas, pictures."""

# ruff: noqa: RUF001 - Greek letters and signs are what it writes

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from docx.oxml.ns import qn
from lxml import etree

from vital_shared.retrieval.ingest.letter_forms import LetterForm, Written, spelt_out

__all__ = ["FALLBACK", "word_text"]

FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MATH: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_SKIPPED: Final = {qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), qn("w:txbxContent"), FALLBACK}
_SIGNS: Final = {
    qn("w:tab"): " ",
    qn("w:ptab"): " ",
    qn("w:br"): "\n",
    qn("w:cr"): "\n",
    qn("w:noBreakHyphen"): "-",
}
_OFF: Final = {"0", "false", "off", "none"}
_SYMBOLS: Final = {
    "symbol": {0xA3: "≤", 0xB3: "≥", 0xB1: "±", 0xB0: "°", 0xB4: "×", 0xB8: "÷", 0xB9: "≠", 0xBB: "≈"}
    | {0xA5: "∞", 0xAE: "→", 0xAC: "←", 0x61: "α", 0x62: "β", 0x67: "γ", 0x64: "δ", 0x44: "Δ"}
    | {0x6C: "λ", 0x6D: "μ", 0x70: "π", 0x73: "σ", 0x53: "Σ", 0x57: "Ω", 0x71: "θ", 0x65: "ε"},
    "wingdings": {0x6F: "[ ]", 0xA8: "[ ]", 0xFD: "[x]", 0xFE: "[x]", 0xFC: "✓", 0xFB: "✗", 0xE0: "→"},
}
"""Characters of the fonts that Word's symbols are from, without their lead byte F0."""

_FORMULA_PARTS: Final = {"sSup": "^", "sSub": "_", "f": "/"}
MAX_DEPTH: Final = 60
"""Elements of a formula within each other; what is nested deeper is read as plain text."""


def word_text(paragraph: etree._Element) -> str:
    """Return the words of a paragraph, without those of its text boxes."""
    return spelt_out(_pieces(paragraph, "plain"))


def _pieces(element: etree._Element, form: LetterForm) -> Iterator[Written]:
    for child in element:
        said = _said(child, form)
        if said is not None:
            yield Written(said, form)
        elif child.tag == qn("w:ruby"):  # Word has the reading before its characters
            yield from _pieces(list(child)[::-1], form)
        elif child.tag == qn("w:r"):
            yield from _pieces(child, _form(child))
        elif child.tag not in _SKIPPED and isinstance(child.tag, str):
            yield from _pieces(child, form)


def _said(element: etree._Element, form: LetterForm) -> str | None:
    """Return what an element says by itself; None where its children do."""
    if element.tag in _SIGNS:
        return _SIGNS[element.tag]
    if element.tag in _SPEAKING:
        return _SPEAKING[element.tag](element)
    return f" ({spelt_out(_pieces(element, form))}) " if element.tag == qn("w:rt") else None


def _form(run: etree._Element) -> LetterForm:
    properties = run.find(qn("w:rPr"))
    if properties is None:
        return "plain"
    if _is_on(properties, "w:vanish"):
        return "hidden"
    if _is_on(properties, "w:strike") or _is_on(properties, "w:dstrike"):
        return "struck"
    place = properties.find(qn("w:vertAlign"))
    forms: dict[str | None, LetterForm] = {"superscript": "raised", "subscript": "lowered"}
    return forms.get(place.get(qn("w:val")), "plain") if place is not None else "plain"


def _is_on(properties: etree._Element, name: str) -> bool:
    element = properties.find(qn(name))
    return element is not None and element.get(qn("w:val"), "1").lower() not in _OFF


def _symbol(element: etree._Element) -> str:
    font = (element.get(qn("w:font")) or "").lower()
    code = element.get(qn("w:char")) or ""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    if 0xF000 <= number <= 0xF0FF:
        return _SYMBOLS.get(font, {}).get(number - 0xF000, "")
    return chr(number) if 0x20 <= number < 0x110000 else ""


def _check_box(field: etree._Element) -> str:
    """Return the state of a box of a form; nothing for other fields."""
    box = field.find(f"{qn('w:ffData')}/{qn('w:checkBox')}")
    if box is None:
        return ""
    state = box.find(qn("w:checked"))
    if state is None:
        state = box.find(qn("w:default"))
        is_checked = state is not None and state.get(qn("w:val"), "1").lower() not in _OFF
    else:
        is_checked = state.get(qn("w:val"), "1").lower() not in _OFF
    return "[x] " if is_checked else "[ ] "


def _picture_words(properties: etree._Element) -> str:
    """Return the alternative text of a picture."""
    words = " ".join((properties.get("descr") or "").split())
    return f" {words} " if words else ""


def _formula(element: etree._Element, depth: int) -> str:
    """Return a formula in a line: x^2, a/b, √(x)."""
    name = element.tag.removeprefix(_MATH) if isinstance(element.tag, str) else ""
    if name == "t":
        return (element.text or "").strip()
    if depth > MAX_DEPTH:
        return " ".join(each.strip() for each in element.itertext())
    parts = [part for child in element if (part := _formula(child, depth + 1))]
    if name in _FORMULA_PARTS and len(parts) == 2:
        return _FORMULA_PARTS[name].join(map(_grouped, parts))
    if name == "sSubSup" and len(parts) == 3:
        return f"{_grouped(parts[0])}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if name == "rad":
        return f"√({' '.join(parts)})"
    return " ".join(parts)


def _grouped(part: str) -> str:
    return f"({part})" if " " in part else part


_SPEAKING: Final[dict[str, Callable[[etree._Element], str]]] = {
    qn("w:t"): lambda element: element.text or "",
    qn("w:sym"): _symbol,
    qn("w:fldChar"): _check_box,
    qn("wp:docPr"): _picture_words,
    f"{_MATH}oMath": lambda element: f" {_formula(element, 0)} ",
}
"""Elements that say something by themselves."""
