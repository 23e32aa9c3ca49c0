"""The table ``[guardrails]`` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from vital_shared.guardrails.base import GuardStage
from vital_shared.guardrails.personal_data import PersonalDataKind
from vital_shared.models.base import Frozen

__all__ = ["GuardrailTable", "HookTable", "KeyTable"]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class KeyTable(Frozen):
    """``[guardrails.keys.<id>]``: names, in which ``*`` stands for anything."""

    models: tuple[str, ...] | None = Field(default=None, strict=False)
    """None: all."""
    tools: tuple[str, ...] | None = Field(default=None, strict=False)


class HookTable(Frozen):
    """``[guardrails.hook]``: a service of one's own."""

    url: str = Field(pattern=r"^https?://\S+$")
    stages: tuple[GuardStage, ...] = Field(default=("model", "tool", "retrieval"), strict=False)
    key_env: str | None = None
    """The environment's variable with the bearer token that it gets."""
    before: bool = True
    """Whether it is asked about what is sent."""
    after: bool = True
    """Whether it is asked about what returns: a model's answer then comes whole, at its end."""


class GuardrailTable(Frozen):
    """``[guardrails]``."""

    timeout_seconds: float = Field(default=2.0, gt=0, le=60, strict=False)
    """Time of each guardrail for each of its decisions; a late one refuses."""
    mask: tuple[PersonalDataKind, ...] = Field(default=(), strict=False)
    """Kinds of personal data that are masked in what goes to providers of models."""
    max_input_characters: int | None = Field(default=None, ge=1)
    max_output_characters: int | None = Field(default=None, ge=1)
    deny_input: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Regular expressions of what may not be sent."""
    deny_output: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Regular expressions of what may not be passed on."""
    keys: dict[str, KeyTable] = Field(default_factory=dict)
    """By the id of a key; ``*`` is any other."""
    hook: HookTable | None = None
