"""The secrets of an engine, from which those of its tenants' webhooks are made."""

from __future__ import annotations

import base64
from typing import Final

from vital_shared.errors import ConfigurationError

__all__ = ["KEY_PREFIX", "read_secrets"]

KEY_PREFIX: Final = "whsec_"
"""The beginning of every secret, as Standard Webhooks has it."""

MIN_SECRET_BYTES: Final = 24
MAX_SECRET_BYTES: Final = 64


def read_secrets(text: str) -> tuple[bytes, ...]:
    """Read the secrets of ``VITAL_WEBHOOK_SECRET``: the newest first, older ones behind blanks.

    :raises ConfigurationError: when one is not of the form.
    """
    return tuple(_read_secret(each) for each in text.split())


def _read_secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(KEY_PREFIX) or not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        raise ConfigurationError(
            f"VITAL_WEBHOOK_SECRET has to be {KEY_PREFIX} and {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} "
            f"random bytes in base64: write {KEY_PREFIX}$(openssl rand -base64 32)"
        )
    return secret
