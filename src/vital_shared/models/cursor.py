"""Cursors: the place in a list behind which its next page begins."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from vital_shared.errors import InvalidRequest

__all__ = ["CursorText", "ListPlace"]

CursorText = Annotated[
    str | None, Field(max_length=400, description="The `next_cursor` of the previous page; default: first.")
]


class ListPlace(NamedTuple):
    """The last entry of a page: its moment, and its key among those of the same moment."""

    moment: datetime
    key: str

    def to_text(self) -> str:
        """Write it so that it fits into an address."""
        return urlsafe_b64encode(f"{self.moment.isoformat()} {self.key}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> ListPlace:
        """Read it back.

        :raises InvalidRequest: when it is none.
        """
        try:
            moment, separator, key = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
            place = cls(datetime.fromisoformat(moment), key)
            if separator and place.moment.tzinfo is not None and "\0" not in key:
                return place
        except (ValueError, binascii.Error):  # UnicodeError is a ValueError
            pass
        raise InvalidRequest("cursor is not the next_cursor of a page: begin without one", field="cursor")
