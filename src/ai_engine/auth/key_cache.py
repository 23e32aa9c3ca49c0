"""The keys that were used lately, kept in memory, so that a request seldom waits for the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ai_engine.asgi.patient_reads import PatientReads
from ai_engine.auth.caller import ExpiredKey
from vital_shared.errors import StoreError
from vital_shared.models.api_key import ApiKey
from vital_shared.store.key_token import KeyToken
from vital_shared.store.keys import KeyStore, StoredKey

__all__ = ["KEEP_SECONDS", "KeyRing"]

KEEP_SECONDS: Final = 5.0
"""Seconds that a key which was read is trusted: one that was revoked, or rotated without an overlap, works no
longer than this, and the engine may stay open as long after the first key was made. An answer that has begun
is not cut off."""

STALE_SECONDS: Final = 300.0
"""Seconds that a read key counts while the store does not answer; nobody can revoke a key in it then."""

KNOWN_PATIENCE_SECONDS: Final = 0.5
UNKNOWN_PATIENCE_SECONDS: Final = 1.5
"""Seconds that a request waits for the store where an earlier state is known, and where none is."""

STORE_AWAY_MESSAGE: Final = "The database does not answer, so no key can be looked up: try again in a moment"

MAX_CACHED_KEYS: Final = 10_000

MAX_CONCURRENT_LOOKUPS: Final = 4
"""Concurrent look-ups: attempts with made-up keys take no more of the store's connections."""


class KeyRing:
    """The look-up of keys, which also knows whether any is needed.

    Only keys that are there are kept: of the ids that callers make up there is no end, and each costs
    one look-up by primary key.

    :param store: the store of the keys.
    :param may_be_open: whether the engine may serve without any key, as it may on loopback.
    :param now: the time, by which keys expire.
    :param clock: seconds that never go back, by which rows are kept.
    :param most_keys: keys that are kept; beyond that the one that was read longest ago goes.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        may_be_open: bool,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        most_keys: int = MAX_CACHED_KEYS,
    ) -> None:
        self.open = may_be_open
        """No key is needed. Once closed, it stays so until the next start: an operator who revokes the last
        key would not expect everybody to be let in."""
        self._store = store
        self._now = now
        self._clock = clock
        self._most_keys = most_keys
        self._checked_at = -STALE_SECONDS
        self._kept: dict[str, tuple[StoredKey, float]] = {}  # when it was read; the oldest first
        self._look_ups: PatientReads[str, StoredKey | None] = PatientReads(at_once=MAX_CONCURRENT_LOOKUPS)
        self._checks: PatientReads[None, None] = PatientReads(at_once=1)

    async def load(self) -> None:
        """See whether keys were made; revoked ones count, so only `vital keys open` opens the engine again.

        :raises StoreError: when the store does not answer.
        """
        started = self._clock()
        if self.open and await self._store.any_made():
            self.open = False
        self._checked_at = started

    async def is_open(self) -> bool:
        """Return whether no key is needed, as of a few seconds ago, or as last seen where the store is away.

        :raises StoreError: when the store has not answered for too long.
        """
        age = self._clock() - self._checked_at
        if self.open and age >= KEEP_SECONDS:
            is_known = age < STALE_SECONDS
            try:
                await self._checks.get(None, self.load, patience_seconds=_patience(is_known))
            except (StoreError, TimeoutError) as error:
                if not is_known:
                    raise StoreError(STORE_AWAY_MESSAGE) from error
        return self.open

    async def find(self, token: KeyToken) -> ApiKey | None:
        """Return the key that a caller has sent, or None where there is none such that can be used.

        Where the store does not answer, a key that was read before counts for a while, but not beyond its
        expiry, which is looked at with each request.

        :raises ExpiredKey: when its time is over.
        :raises StoreError: when the store does not answer, and nothing is known of the key.
        """
        stored = self._remembered(token.id, KEEP_SECONDS) or await self._fetch(token.id)
        if stored is None or not token.fits(stored.secret_hash):
            return None
        self.open = False  # so there are keys
        key = stored.key
        if key.expires_at is not None and key.has_expired(self._now()):
            raise ExpiredKey(key.expires_at)
        return key

    async def aclose(self) -> None:
        """Give up what is still being read."""
        await self._look_ups.aclose()
        await self._checks.aclose()

    def _remembered(self, key_id: str, seconds: float) -> StoredKey | None:
        stored, read_at = self._kept.get(key_id, (None, 0.0))
        return stored if self._clock() < read_at + seconds else None

    async def _fetch(self, key_id: str) -> StoredKey | None:
        known = self._remembered(key_id, STALE_SECONDS)
        patience = _patience(known is not None)
        try:
            return await self._look_ups.get(key_id, lambda: self._look_up(key_id), patience_seconds=patience)
        except (StoreError, TimeoutError) as error:
            if known is None:
                raise StoreError(STORE_AWAY_MESSAGE) from error
            return known

    async def _look_up(self, key_id: str) -> StoredKey | None:
        started = self._clock()  # what comes back may be as old as this
        stored = await self._store.find(key_id)
        self._kept.pop(key_id, None)
        if stored is not None:
            self._kept[key_id] = (stored, started)
            if len(self._kept) > self._most_keys:
                del self._kept[next(iter(self._kept))]
        return stored


def _patience(is_known: bool) -> float:
    return KNOWN_PATIENCE_SECONDS if is_known else UNKNOWN_PATIENCE_SECONDS
