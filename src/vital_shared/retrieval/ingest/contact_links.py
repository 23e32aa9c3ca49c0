"""Links that call or write to somebody: their address is often nowhere but in the link."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["contact_of"]

_CONTACT: Final = re.compile(r"\s*(?:mailto|tel):(?://)?(?P<address>[^?#]*)", re.IGNORECASE)
MAX_CHARACTERS: Final = 200


def contact_of(href: str, shown: str) -> str:
    """Return the number or the address of mail that a link leads to; empty where it has none or shows it.

    :param shown: the words of the link.
    """
    found = _CONTACT.match(href)
    address = " ".join(unquote(found["address"]).split()) if found else ""
    return "" if len(address) > MAX_CHARACTERS or _bare(address) in _bare(shown) else address


def _bare(text: str) -> str:
    """Return a text without what numbers and addresses are written with, such as spaces and brackets."""
    return re.sub(r"[^\w@.]|^\+?00?(?=\d)", "", text.casefold())
