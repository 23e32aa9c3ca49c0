"""The lines of a batch: requests, or the reason why a line is none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vital_cli.json_text import read_json
from vital_cli.own_input import request_from
from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["CUSTOM_ID", "MAX_LINES", "BatchLine", "read_lines"]

CUSTOM_ID: Final = "custom_id"
"""The field that names a line for its owner, as in the batches of OpenAI and Anthropic."""

MAX_LINES: Final = 100_000
MAX_LINE_CHARACTERS: Final = 1_000_000
MAX_ID_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A line that holds something."""

    number: int
    """Its place in the file, from 1 on."""
    custom_id: str | None
    request: WorkflowInput | None
    error: str
    """The reason why there is no request; empty: there is one."""
    key: str
    """A hash of the request, and of how many equal ones come before it: the line's name in its batch."""

    def run_id(self, batch_id: str, attempt: int) -> str:
        """Return the id of the run that answers it: the same with each start of the batch."""
        name = f"{batch_id}\n{self.key}\n{attempt}"
        return f"run_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def read_lines(
    path: Path, input_type: type[WorkflowInput], common: Mapping[str, Any]
) -> tuple[BatchLine, ...]:
    """Read a file of JSON lines; empty ones are passed over, and a wrong one is an error of that line alone.

    :param common: fields that all lines have, unless they say otherwise.
    :raises InvalidRequest: when the file cannot be read, is empty, too long, or names a line twice.
    """
    lines: list[BatchLine] = []
    equal: Counter[str] = Counter()
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, text in enumerate(file, 1):
                if text.strip():
                    lines.append(_line(number, text, input_type, common, equal))
                if len(lines) > MAX_LINES:
                    raise InvalidRequest(f"{path} has more than {MAX_LINES:,} lines: split it.")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    if not lines:
        raise InvalidRequest(f"{path} holds no question: write a line of JSON for each.")
    _check_ids(path, lines)
    return tuple(lines)


def _check_ids(path: Path, lines: list[BatchLine]) -> None:
    named = Counter(line.custom_id for line in lines if line.custom_id is not None)
    for custom_id, count in named.items():
        if count > 1:
            raise InvalidRequest(
                f'{path} has {count} lines with the {CUSTOM_ID} "{custom_id}": name each once.'
            )


def _line(
    number: int,
    text: str,
    input_type: type[WorkflowInput],
    common: Mapping[str, Any],
    equal: Counter[str],
) -> BatchLine:
    custom_id, request, error, content = None, None, "", ""
    try:
        fields = _fields(text)
        if CUSTOM_ID not in input_type.model_fields:
            custom_id = _custom_id(fields.pop(CUSTOM_ID, None))
        request = request_from(input_type, {**common, **fields})
        # Without what the line leaves open: that may be made anew each time, or come with a new version.
        content = request.model_dump_json(by_alias=False, round_trip=True, exclude_unset=True)
    except InvalidRequest as refusal:
        error = content = refusal.message
    digest = hashlib.sha256(f"{custom_id}\n{content}".encode("utf-8", "replace")).hexdigest()
    equal[digest] += 1
    return BatchLine(number, custom_id, request, error, f"{digest}/{equal[digest]}")


def _fields(text: str) -> dict[str, Any]:
    if len(text) > MAX_LINE_CHARACTERS:
        raise InvalidRequest(f"The line is longer than {MAX_LINE_CHARACTERS:,} characters.")
    try:
        value = read_json(text)
    except ValueError as error:
        raise InvalidRequest(f"The line is not JSON: {error}.") from error
    if isinstance(value, str):
        return {"query": value}
    if not isinstance(value, dict):
        raise InvalidRequest("The line is neither a text nor an object.")
    return dict(value)


def _custom_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARACTERS:
        raise InvalidRequest(f"{CUSTOM_ID} has to be a text of 1 to {MAX_ID_CHARACTERS} characters.")
    return value
