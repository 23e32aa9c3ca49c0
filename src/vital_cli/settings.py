"""The settings of a command, and what is wrong with them in one sentence."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from vital_cli.misspelt_variables import misspelt_variables
from vital_cli.terminal import say
from vital_shared.errors import ConfigurationError
from vital_shared.wrong_field import WrongField

__all__ = ["load_settings"]

S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S], **given: Any) -> S:
    """Read settings from the environment, but for those that are given, and warn of misspelt variables.

    :raises ConfigurationError: naming the variable that is wrong.
    """
    _warn_of_misspelt(frozenset(os.environ))
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = WrongField.first(error)
        if not wrong.place:  # a rule about several settings names them itself
            raise ConfigurationError(f"{wrong.reason}.") from error
        first = error.errors()[0]
        name = str(first["loc"][0])  # what follows is a place within its value
        variable = name if name.isupper() else f"VITAL_{name.upper()}"
        raise ConfigurationError(
            f"The environment variable {variable} is {first['input']!r}: {wrong.remark}."
        ) from error


@cache
def _warn_of_misspelt(variables: frozenset[str]) -> None:
    """Warn of variables that are nearly settings, once in a command."""
    for remark in misspelt_variables(variables):
        say(f"Warning: {remark}", "yellow")
