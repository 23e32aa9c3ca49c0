"""Decisions on a run that waits, as they are written on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vital_cli.json_text import read_json
from vital_shared.errors import InvalidRequest
from vital_shared.graph import AnswerError
from vital_shared.graph.values import ValueTypes

__all__ = ["read_answers", "read_edits", "read_reasons"]


def read_answers(types: ValueTypes, written: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value``, each value as text where its node takes text, else as JSON.

    :param types: the types of the workflow's values.
    :raises InvalidRequest: when one is not of this form.
    """
    return {name: _answer(types, name, value) for name, value in _pairs("--answer", "NAME=VALUE", written)}


def read_edits(written: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read ``call={"argument": value}``.

    :raises InvalidRequest: when one is not of this form.
    """
    edits = {}
    for call, text in _pairs("--edit", "CALL=JSON", written):
        try:
            arguments = read_json(text)
        except ValueError as error:
            raise InvalidRequest(f"The arguments of {call} are not JSON: {error}.", field="edited") from error
        if not isinstance(arguments, dict):
            raise InvalidRequest(f"The arguments of {call} are not a JSON object.", field="edited")
        edits[call] = arguments
    return edits


def read_reasons(written: Sequence[str]) -> dict[str, str]:
    """Read ``call=reason``.

    :raises InvalidRequest: when one is not of this form.
    """
    return dict(_pairs("--deny", "CALL=REASON", written))


def _pairs(option: str, form: str, written: Sequence[str]) -> Iterator[tuple[str, str]]:
    for each in written:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidRequest(f'"{each}" is no {form}: write {option} {form}.')
        yield name, value


def _answer(types: ValueTypes, name: str, text: str) -> Any:
    try:
        types.answer(name, text)
    except (AnswerError, KeyError, TypeError):  # no text is wanted, or nothing of that name
        try:
            return read_json(text)
        except ValueError:
            return text  # refused with the reason when the run is resumed
    return text
