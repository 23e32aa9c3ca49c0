"""The files of a new project: a workflow, its tests, configuration, documents, an image."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

from vital_shared.errors import InvalidRequest
from vital_shared.version import __version__

__all__ = ["write_project"]

TEMPLATES: Final = Path(__file__).parent

SUFFIX: Final = ".template"

HIDDEN: Final = ("gitignore", "dockerignore")
"""Files whose names begin with a dot in the project."""

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

MAX_NAME_LENGTH: Final = 40


def write_project(folder: Path) -> list[Path]:
    """Write a project into a folder, whose name is the project's, and return the files.

    :raises InvalidRequest: when the name cannot be that of a workflow, or the folder has something in it or
        cannot be written.
    """
    name = folder.resolve().name
    if not NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest(
            f'"{name}" cannot name a project: use up to {MAX_NAME_LENGTH} lower-case letters and digits, in '
            "words joined by hyphens, the first beginning with a letter."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidRequest(f"{folder} already exists and is not empty: choose another name.")
    values = {"name": name, "class_name": _class_name(name), "version": __version__}
    sources = sorted(TEMPLATES.rglob(f"*{SUFFIX}"))
    try:
        return [_write(source, folder / _path(source), values) for source in sources]
    except OSError as error:
        raise InvalidRequest(f"{folder} cannot be written: {error.strerror or error}") from error


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-")) + "Workflow"


def _path(source: Path) -> Path:
    path = source.relative_to(TEMPLATES).with_suffix("")
    return Path(f".{path}") if path.name in HIDDEN else path


def _write(source: Path, target: Path, values: dict[str, str]) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
    return target
