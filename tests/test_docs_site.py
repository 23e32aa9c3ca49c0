"""The documentation site is built without a warning, and holds what is to be found on it."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_of_the_docs_is_on_the_site(site):
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    missing = [page for page in pages if not (site / page.with_suffix("") / "index.html").exists()]
    assert missing == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("", "An observable engine for multi-tenant LLM workflows"),
        ("reference/workflows", "execute_typed"),
        ("reference/settings", "lease_seconds"),
        ("reference/commands", "vital keys rotate"),
        ("reference/commands", "The tenant of the key."),
        ("reference/errors", "BudgetExceeded"),
        ("runbooks/EngineDown", "EngineDown"),
        ("reference/workflows", ">>> class Shout(Workflow):\n"),
        ("examples/report", "from vital_shared import"),
        ("changelog", "Unreleased"),
    ],
)
def test_the_site_has(site, page, words):
    text = (site / page / "index.html").read_text(encoding="utf-8")
    assert words in html.unescape(re.sub(r"<[^>]+>", "", text))


def test_pages_fetch_nothing_from_other_hosts(site):
    """Links lead elsewhere; styles, scripts, fonts and pictures are the site's own."""
    fetched = re.compile(r"<(?:link[^>]+(?:stylesheet|preconnect)|script|img)[^>]+https?://[^>]+>")
    found = {path: fetched.findall(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {path: tags for path, tags in found.items() if tags} == {}
