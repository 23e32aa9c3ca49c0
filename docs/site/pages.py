"""Pages of the documentation site that stand elsewhere in the repository, and links to them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from vital_cli.reference import commands_page

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages by the files that they are made of."""

EXAMPLES: Final = ("examples", "bench/peers/workflows")
"""Folders whose programs are shown, each on a page of its own."""

LINK: Final = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for path in _programs():
        files.append(File.generated(config, _page_of(path), content=_program(path)))
    files.append(File.generated(config, "examples/index.md", content=_list_of_programs()))
    files.append(File.generated(config, "reference/commands.md", content=commands_page()))
    files.append(File.generated(config, "runbooks/index.md", content=_list_of_runbooks()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Let links to files of the repository lead to the pages made of them; one to another file is no link."""
    source = next((name for name, made in PAGES.items() if made == page.file.src_uri), None)
    folder = PurePosixPath(source or f"docs/{page.file.src_uri}").parent
    here = PurePosixPath(page.file.src_uri).parent

    def target(match: re.Match[str]) -> str:
        found = _target(folder, match[2])
        return match[1] if found is None else f"[{match[1]}]({_relative(found, here)}{match[3] or ''})"

    return LINK.sub(target, markdown)


def _target(folder: PurePosixPath, link: str) -> str | None:
    """Return the page for a link that is relative to a folder of the repository; None: it has none."""
    path = Path(ROOT / folder / link).resolve()
    if not path.is_relative_to(ROOT):
        return None
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if name == "docs/runbooks":
        return "runbooks/index.md"
    if name in EXAMPLES:
        return "examples/index.md"
    if path in _programs():
        return _page_of(path)
    return name.removeprefix("docs/") if name.startswith("docs/") and path.is_file() else None


def _relative(page: str, here: PurePosixPath) -> str:
    return "../" * len(here.parts) + page


def _programs() -> list[Path]:
    return sorted(path for folder in EXAMPLES for path in (ROOT / folder).rglob("*.py"))


def _page_of(path: Path) -> str:
    name = path.relative_to(ROOT).with_suffix(".md").as_posix()
    return name if name.startswith("examples/") else f"examples/{name}"


def _program(path: Path) -> str:
    """Show a program whole."""
    name = path.relative_to(ROOT).as_posix()
    return f"# {path.stem}\n\n`{name}`\n\n```python\n{path.read_text(encoding='utf-8')}```\n"


def _list_of_programs() -> str:
    lines = (f"- [`{path.relative_to(ROOT)}`](../{_page_of(path)}): {_summary(path)}" for path in _programs())
    return "# Examples\n\nEach runs as it stands here.\n\n" + "\n".join(lines) + "\n"


def _summary(path: Path) -> str:
    """Return the first line of a program's docstring."""
    found = re.match(r'"""(.+)', path.read_text(encoding="utf-8"))
    return found[1].removesuffix('"""') if found else ""


def _list_of_runbooks() -> str:
    names = sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md"))
    return (
        "# Runbooks\n\nOne for each alert.\n\n" + "\n".join(f"- [{name}]({name}.md)" for name in names) + "\n"
    )
