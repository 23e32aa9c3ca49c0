"""Questions with known answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Passage
from vital_shared.wrong_field import WrongField

__all__ = ["KnownQuestion", "read_questions"]


def _spellings(value: object) -> object:
    return [value] if isinstance(value, str) else value


Fact = Annotated[tuple[str, ...], BeforeValidator(_spellings), Field(min_length=1, strict=False)]
"""A fact as its spellings, any of which will do."""


class KnownQuestion(Frozen):
    """A question, and how to recognise a right answer."""

    question: str = Field(min_length=1)
    answerable: bool = True
    """Whether the documents hold an answer."""

    facts: tuple[Fact, ...] = Field(default=(), strict=False)
    """All that a right answer contains."""

    sources: tuple[str, ...] = Field(default=(), strict=False)
    """The names of the files, or the whole addresses, that hold the answer."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="after")
    def _can_be_judged(self) -> KnownQuestion:
        if self.answerable and not self.facts and not self.sources:
            raise ValueError("an answerable question needs facts or sources, by which an answer is judged")
        return self

    def is_from_source(self, passage: Passage) -> bool:
        """Return whether a passage is of a document that holds the answer."""
        return passage.uri in self.sources or PurePosixPath(passage.uri).name in self.sources

    def rank(self, passages: Sequence[Passage]) -> int | None:
        """Return the number of passages, from the first, that answer together; None where all do not."""
        for count in range(1, len(passages) + 1):
            if self.facts and self.has_facts("\n".join(passage.text for passage in passages[:count])):
                return count
            if not self.facts and self.is_from_source(passages[count - 1]):
                return count
        return None

    def has_facts(self, text: str) -> bool:
        """Return whether a text has every fact in one of its spellings, as whole words."""
        plain = _plain(text)
        return all(any(_holds(plain, spelling) for spelling in fact) for fact in self.facts)


def read_questions(path: Path) -> tuple[KnownQuestion, ...]:
    """Read a JSON list of questions.

    :raises InvalidRequest: when it cannot be read, or a question cannot be judged.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(Annotated[tuple[KnownQuestion, ...], Field(min_length=1)]).validate_python(listed)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", field="questions") from error
    except ValidationError as error:
        wrong = WrongField.first(error)
        raise InvalidRequest(
            f"{path} holds no list of questions: at {wrong.place or 'its start'}: {wrong.remark}.",
            field="questions",
        ) from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON in UTF-8: {error}.", field="questions") from error


def _holds(plain: str, spelling: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(_plain(spelling))}(?!\w)", plain) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
