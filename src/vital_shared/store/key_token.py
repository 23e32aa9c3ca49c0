"""The text of an API key: ``vital_<id>_<secret>``.

The id finds the key in the store; the secret proves that it is the caller's. The prefix lets a leaked
key be recognised by those who search for such things.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

__all__ = ["KeyToken"]

ID_BYTES: Final = 8
SECRET_BYTES: Final = 32

_TOKEN: Final = re.compile(f"vital_([0-9a-f]{{{2 * ID_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")


@dataclass(frozen=True, slots=True)
class KeyToken:
    """The two parts of a key's text; printing it does not show the secret."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls) -> KeyToken:
        """Make a new one, which nobody can guess."""
        return cls(secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> KeyToken | None:
        """Read a text; None where it is no key of ours."""
        match = _TOKEN.fullmatch(text)
        return None if match is None else cls(match[1], match[2])

    @property
    def text(self) -> str:
        """The whole, as a client sends it."""
        return f"vital_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> str:
        """The hash that is stored in the secret's place.

        SHA-256, once: slow hashes are for passwords, which can be guessed. Nobody guesses 256 random
        bits, however fast he tries, and each request has to be checked.
        """
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def fits(self, secret_hash: str) -> bool:
        """Return whether its secret is the one with this hash; the time taken reveals nothing of either."""
        return hmac.compare_digest(self.secret_hash, secret_hash)
