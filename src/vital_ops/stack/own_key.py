"""The key with which Prometheus and Alertmanager ask the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vital_ops.stack.secret_files import write_secret
from vital_shared.errors import NotFound, StoreError
from vital_shared.logs import get_logger
from vital_shared.store.key_token import KeyToken
from vital_shared.store.keys import KeyStore

__all__ = ["OwnKey"]

logger = get_logger(__name__)

NO_KEY: Final = "none"
"""An engine without keys takes any header."""

WATCH_SECONDS: Final = 2.0


class OwnKey:
    """A key for all tenants with the scope ``costs``, which lives as long as the stack does.

    An engine without keys serves this machine alone, and would no longer do so with ours: so it is made as
    soon as there is another, which may be while the stack runs, and is revoked in the end.

    :param file: the file of the key; Prometheus and Alertmanager read it anew with each request.
    """

    def __init__(
        self, keys: KeyStore, file: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._keys = keys
        self._now = now
        self._made = False
        self.file = file

    async def open(self) -> None:
        """Write the file; a key that a stack before has left there is revoked."""
        await self.revoke()
        await self.make_if_needed()

    async def make_if_needed(self) -> None:
        """Make the key, if others were made and it was not: then the engine asks for one."""
        if not self._made and await self._keys.any_made():
            new = await self._keys.create(
                tenant_id=None, scopes=["costs"], name="vital up: Prometheus, Alertmanager", now=self._now()
            )
            write_secret(self.file, new.token)
            self._made = True

    async def watch(self) -> None:
        """Make the key when others come, until this is cancelled."""
        while True:
            try:
                await self.make_if_needed()
            except StoreError as error:
                logger.warning("key_requirement_unknown", exc_info=error)
            await asyncio.sleep(WATCH_SECONDS)

    async def revoke(self) -> None:
        """Revoke the key that is in the file, and say there that there is none."""
        token = KeyToken.parse(self.file.read_text(encoding="utf-8")) if self.file.exists() else None
        if token is not None:
            try:
                await self._keys.revoke(token.id, now=self._now())
            except NotFound:
                logger.info("stack_key_of_another_store")
        write_secret(self.file, NO_KEY)
        self._made = False
