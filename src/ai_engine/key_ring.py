"""The keys that were used lately, kept in memory, so that a request seldom waits for the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from vital_shared.models.api_key import ApiKey
from vital_shared.store.key_token import KeyToken
from vital_shared.store.keys import KeyStore, StoredKey

__all__ = ["KEEP_SECONDS", "KeyRing"]

KEEP_SECONDS: Final = 5.0
"""How long what was read is trusted: a key that was revoked works no longer than this, and so long the
engine may stay open after the first key was made. An answer that has begun is not cut off."""

MOST_KEYS: Final = 10_000

LOOK_UPS_AT_ONCE: Final = 4
"""Whoever tries made-up keys takes no more of the store's connections than these."""


class KeyRing:
    """Finds keys, and knows whether any is needed.

    Only keys that are there are kept: of the ids that callers make up there is no end, and each costs
    one look-up by primary key.

    :param store: where the keys are.
    :param may_be_open: whether the engine may serve without any key, as it may on loopback.
    :param clock: seconds.
    :param most_keys: so many are kept; beyond that the one that was read longest ago goes.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        may_be_open: bool,
        clock: Callable[[], float] = time.monotonic,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self.open = may_be_open
        """No key is needed. Once closed, it stays so until the next start: whoever revokes the last key
        would not expect everybody to be let in."""
        self._store = store
        self._clock = clock
        self._most_keys = most_keys
        self._check_at = 0.0
        self._kept: dict[str, tuple[StoredKey, float]] = {}  # until when; the oldest first
        self._looking = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def load(self) -> None:
        """See whether there are keys.

        :raises StoreError: when the store does not answer.
        """
        started = self._clock()
        if self.open and await self._store.any_active():
            self.open = False
        self._check_at = started + KEEP_SECONDS

    async def is_open(self) -> bool:
        """Tell whether no key is needed, as of a few seconds ago.

        :raises StoreError: when the store does not answer.
        """
        if self.open and self._clock() >= self._check_at:
            async with self._looking:
                if self._clock() >= self._check_at:  # not seen to while we waited
                    await self.load()
        return self.open

    async def find(self, token: KeyToken) -> ApiKey | None:
        """Return the key that a caller has sent, or None where there is none such that can be used.

        :raises StoreError: when the store does not answer.
        """
        stored = self._remembered(token.id)
        if stored is None:
            async with self._looking:
                stored = self._remembered(token.id) or await self._look_up(token.id)
        if stored is None or not token.fits(stored.secret_hash):
            return None
        self.open = False  # so there are keys
        return stored.key

    def _remembered(self, key_id: str) -> StoredKey | None:
        stored, until = self._kept.get(key_id, (None, 0.0))
        return stored if self._clock() < until else None

    async def _look_up(self, key_id: str) -> StoredKey | None:
        started = self._clock()  # what comes back may be as old as this
        stored = await self._store.find(key_id)
        self._kept.pop(key_id, None)
        if stored is not None:
            self._kept[key_id] = (stored, started + KEEP_SECONDS)
            if len(self._kept) > self._most_keys:
                del self._kept[next(iter(self._kept))]
        return stored
