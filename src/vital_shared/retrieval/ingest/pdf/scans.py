"""Pages that are pictures, read by tesseract where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from statistics import median
from typing import Any, Final

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from vital_shared.retrieval.ingest.pdf.words import Word

__all__ = ["PROGRAM", "is_scan", "recognized_words"]

PROGRAM: Final = "tesseract"
DPI: Final = 250
"""Dots per inch: fine print stays legible, and a page takes seconds."""

MAX_PIXELS: Final = 20_000_000
"""Pixels of a page as a picture: a larger one is made coarser."""

MAX_WORDS: Final = 30
"""Words beside a picture over most of the page, up to which it is taken for a scan."""

MIN_COVER: Final = 0.5
"""The share of the page that a scan covers: a picture that covers less is an illustration."""

MIN_CONFIDENCE: Final = 30.0
"""Percent, as tesseract gives it for each word; below are stains and drawings."""

WORD_LEVEL: Final = "5"


def is_scan(page: Any, words: int) -> bool:
    """Return whether a page is a picture of text.

    :param words: the number of words that it has as text.
    """
    if words > MAX_WORDS:
        return False
    width, height = page.get_size()
    pictures = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4)
    covered = 0.0
    for picture in pictures:
        left, bottom, right, top = picture.get_bounds()
        covered += max(right - left, 0) * max(top - bottom, 0)
    return bool(covered >= MIN_COVER * width * height)


def recognized_words(page: Any, seconds: float) -> list[Word] | None:
    """Return what tesseract reads on a page; None where it is not installed, or fails, or takes longer."""
    program = shutil.which(PROGRAM)
    if program is None or seconds <= 0:
        return None
    width, height = page.get_size()
    scale = min(DPI / 72, (MAX_PIXELS / max(width * height, 1)) ** 0.5)
    command = [program, "stdin", "stdout", "-l", _languages(program), "--dpi", str(DPI), "tsv"]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own program, and no words of the document
            command,
            input=_picture(page, scale),
            capture_output=True,
            timeout=seconds,
            check=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except (OSError, subprocess.SubprocessError):
        return None  # the page is counted as not read
    return list(_words(done.stdout.decode("utf-8", "replace").splitlines(), scale))


def _picture(page: Any, scale: float) -> bytes:
    """Draw a page in grey, as a PGM file."""
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        pixels = bitmap.to_numpy()
        header = f"P5 {bitmap.width} {bitmap.height} 255\n".encode()
        return header + bytes(pixels.reshape(bitmap.height, -1)[:, : bitmap.width].tobytes())
    finally:
        bitmap.close()


@cache
def _languages(program: str) -> str:
    """Return all languages that are installed, as tesseract wants them."""
    try:
        listed = subprocess.run(  # noqa: S603 - as above
            [program, "--list-langs"], capture_output=True, timeout=10, check=True
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return "eng"
    names = [line.strip() for line in listed.splitlines()[1:]]
    return "+".join(name for name in names if name and name not in {"osd", "equ"}) or "eng"


def _words(rows: Sequence[str], scale: float) -> Iterator[Word]:
    """Yield the words of a table of tesseract's, those of a line on one baseline."""
    if not rows:
        return
    names = rows[0].split("\t")
    lines: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows[1:]:
        word = dict(zip(names, row.split("\t"), strict=False))
        is_word = word.get("level") == WORD_LEVEL and word.get("text", "").strip()
        if is_word and float(word["conf"]) >= MIN_CONFIDENCE:
            lines[word["block_num"], word["par_num"], word["line_num"]].append(word)
    for line in lines.values():
        size = round(median(float(word["height"]) for word in line) / scale * 2.4) / 2
        y = median(float(word["top"]) + float(word["height"]) for word in line) / scale
        for word in line:
            x0, width = float(word["left"]) / scale, float(word["width"]) / scale
            yield Word(word["text"].strip(), x0, x0 + width, y, max(size, 1.0), bold=False)
