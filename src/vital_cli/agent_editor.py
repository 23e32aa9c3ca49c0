"""Agents as JSON that a person writes."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from pydantic import ValidationError

from vital_shared.errors import ConfigurationError, InvalidRequest
from vital_shared.models.agent import AgentProfile
from vital_shared.wrong_field import WrongField

__all__ = ["edit_profile", "read_profile"]


def read_profile(text: str, place: str) -> AgentProfile:
    """Read an agent from JSON.

    :param place: the source of the text, for the error.
    :raises InvalidRequest: naming the field that is wrong.
    """
    try:
        return AgentProfile.model_validate_json(text)
    except ValidationError as error:
        wrong = WrongField.first(error)
        what = f"its field {wrong.sentence}" if wrong.place else f"the file is not valid: {wrong.reason}"
        raise InvalidRequest(f"{place} is not an agent: {what}.") from error


def edit_profile(profile: AgentProfile) -> AgentProfile:
    """Let the user change an agent in the editor.

    :raises InvalidRequest: when the result is no agent; the file is kept then, so that no work is lost.
    :raises ConfigurationError: when the editor does not start or fails.
    """
    handle, name = tempfile.mkstemp(prefix=f"{profile.id}-", suffix=".json")
    path = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(profile.model_dump_json(indent=2) + "\n")
    _open_editor(path)
    edited = read_profile(path.read_text(encoding="utf-8"), name)
    path.unlink()
    return edited


def _open_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 - the user's own editor
    except OSError as error:
        raise ConfigurationError(f"The editor {editor} does not start ({error}): set EDITOR.") from error
    if done.returncode != 0:
        raise ConfigurationError(f"The editor {editor} failed, so nothing was saved; the file is {path}.")
