"""Figures on pages that compare or advise are those that a benchmark has printed."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs/compare").glob("*.md"))
BENCHMARKS = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
DEPLOYMENT = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
PRINTED_BY = re.compile(r"`python (bench/\w+\.py)`")


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_figure_has_its_command_and_is_on_the_page_of_benchmarks(page):
    text = page.read_text(encoding="utf-8")
    measured = text.partition("## Measured")[2]
    found = [row for row in rows(measured) if PRINTED_BY.search(row[-1])]
    assert len(found) >= 3 or "There is no figure here" in text
    assert len(found) == max(0, len(rows(measured)) - 2)
    for label, *figures, command in found:
        assert (ROOT / PRINTED_BY.search(command)[1]).is_file()
        for figure in figures:
            assert f"| {figure} |" in BENCHMARKS.replace(" x |", " |"), (label, figure)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_says_where_the_other_is_ahead(page):
    text = page.read_text(encoding="utf-8")
    ahead = re.search(r"^## Where .+ is ahead\n\n((?:- .+\n(?:  .+\n)*){3,})", text, flags=re.MULTILINE)
    assert ahead, page.name
    assert f"compare/{page.name}" in (ROOT / "docs/why.md").read_text(encoding="utf-8")


def test_the_sizes_are_those_that_were_measured():
    """`python bench/scale.py --json bench/figures/scale.json`."""
    kept = json.loads((ROOT / "bench/figures/scale.json").read_text(encoding="utf-8"))
    last = kept["measured"][-1]["request"]
    for name, unit, scale in (
        ("engine_cpu", " ms", 1e3),
        ("postgres_cpu", " ms", 1e3),
        ("redis_cpu", " ms", 1e3),
        ("statements", "", 1),
        ("redis_commands", "", 1),
        ("wal_bytes", " kB", 1e-3),
    ):
        assert f"{last[name] * scale:.2f}{unit}" in DEPLOYMENT, name
    first = min(kept["parts"], key=lambda part: part["replicas"])
    assert (
        f"{first['name'].split(':')[0]} is full first, at {first['replicas']:,.0f} busy replicas"
        in DEPLOYMENT
    )
    sizes = {row[0]: row[2] for row in rows(DEPLOYMENT) if re.fullmatch(r"[\d,]+", row[0])}
    for size, needed in sizes.items():
        assert needed == f"{int(size.replace(',', '')) / first['replicas']:.2f}"
    assert set(sizes) == {"1", "10", "100", "1,000"}
