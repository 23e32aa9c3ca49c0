"""The public keys of an identity provider, kept for a while (RFC 7517)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from vital_shared.errors import VitalError
from vital_shared.http.proxy import proxy_for
from vital_shared.logs import get_logger

__all__ = ["KeysAway", "PublicKey", "SigningKeys", "fetch_key_set"]

logger = get_logger(__name__)

FRESH_SECONDS: Final = 300.0
"""Seconds that keys are used without asking for them again."""

STALE_SECONDS: Final = 900.0
"""Seconds that keys are used while the provider does not give them; afterwards no token is accepted."""

PAUSE_SECONDS: Final = 10.0
"""The least time between two requests for the keys: tokens with made-up key ids cause no more."""

FETCH_SECONDS: Final = 5.0
MAX_KEY_SET_BYTES: Final = 256_000
MIN_RSA_BYTES: Final = 256
"""2048 bits (RFC 7518, section 3.3)."""

PublicKey = RSAKey | ECKey | OKPKey
"""A key of a kind that signs with a private half: a shared secret (oct) in a key set is never used."""

KINDS: Final[dict[str, type[PublicKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class KeysAway(VitalError):
    """The provider does not give its keys."""


class SigningKeys:
    """The keys of a provider, by their ids.

    :param fetch: returns the key set as JSON has it; see `fetch_key_set`.
    :param clock: seconds that never go back.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Any]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None

    async def find(self, kid: str | None) -> PublicKey | None:
        """Return the key with this id; without an id, the only key that there is.

        :raises KeysAway: when there are no keys that still count.
        """
        if self._age() >= FRESH_SECONDS:
            await self._refresh()
        key = self._known(kid)
        if key is None:  # it may be a new one
            await self._refresh()
            key = self._known(kid)
        if self._age() >= STALE_SECONDS:
            raise KeysAway("The identity provider does not return its keys, so no token can be verified now.")
        return key

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self._clock() - self._read_at

    def _known(self, kid: str | None) -> PublicKey | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    async def _refresh(self) -> None:
        """Ask for the keys, unless that was done a moment ago; a failure leaves those that are known."""
        async with self._lock:
            if self._tried_at is not None and self._clock() - self._tried_at < PAUSE_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                self._keys = _usable(await self._fetch())
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                logger.warning("signing_keys_unavailable", reason=type(error).__name__)
                return
            self._read_at = self._tried_at


async def fetch_key_set(url: str) -> Any:
    """Read a key set.

    :raises ClientError: when the provider does not answer with one.
    :raises TimeoutError: when it takes too long.
    :raises ValueError: when it is no JSON, or too large.
    """
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(url, allow_redirects=False, proxy=proxy_for(url)) as response,
    ):
        if response.status != 200:  # a redirection is no failure to aiohttp
            raise aiohttp.ClientError(f"the key set answers {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_KEY_SET_BYTES:
                raise ValueError("the key set is too large")
        return json.loads(body)


def _usable(key_set: Any) -> tuple[PublicKey, ...]:
    """Return the keys of a set that are for signatures and strong enough.

    :raises ValueError: when it is no key set, or has no such key.
    """
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    keys = tuple(key for each in listed if (key := _key(each))) if isinstance(listed, list) else ()
    if not keys:
        raise ValueError("no key of the key set can be used")
    return keys


def _key(given: Any) -> PublicKey | None:
    """Read one key; None where it cannot be used, which leaves the others (RFC 7517, section 5)."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return None
    kind = KINDS.get(str(given.get("kty")))
    if kind is None or (kind is RSAKey and _bytes(given.get("n")) < MIN_RSA_BYTES):
        return None
    try:
        return kind.import_key(given)
    except (JoseError, ValueError, TypeError):
        logger.warning("signing_key_unreadable", kty=given.get("kty"))
        return None


def _bytes(number: object) -> int:
    """Return the length of a number in base64url, without the padding that a key set leaves out."""
    return len(number) * 3 // 4 if isinstance(number, str) else 0
