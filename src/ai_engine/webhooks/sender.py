"""The sender of webhooks: once their runs have ended, again and again until a receiver takes them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import aiohttp

from ai_engine.settings import ServerSettings
from ai_engine.webhooks.destination import allowed_hosts, check_destination
from ai_engine.webhooks.engine_secrets import read_secrets
from ai_engine.webhooks.message import body_of, headers_of
from vital_shared.errors import InvalidRequest, StoreError
from vital_shared.http.public_resolver import PublicResolver
from vital_shared.http.request_body import request_body
from vital_shared.http.retry_after import retry_after_seconds
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import WEBHOOK_ATTEMPTS_TOTAL
from vital_shared.store.webhook_deliveries import DueDelivery, WebhookStore

__all__ = ["RETRY_SECONDS", "WebhookSender"]

logger = get_logger(__name__)

IDLE_LOOK_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 1.0
"""The time between two looks for runs that have ended, while a webhook is open."""

RECENT: Final = timedelta(minutes=2)
"""The age of an end up to which each look sees it; all ends are looked at each minute."""

WHOLE_LOOK_SECONDS: Final = 60.0
MAX_CONCURRENT_SENDS: Final = 16

MAX_TENANT_SENDS: Final = 4
"""Maximum number of one tenant's attempts under way: receivers that never answer hold up their own alone."""

RETRY_SECONDS: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The waits between attempts, as Standard Webhooks recommends: three days in all."""

JITTER: Final = 0.2
TIMEOUT_SECONDS: Final = 15.0
GONE: Final = 410


class _FailedAttempt(NamedTuple):
    """A failed attempt."""

    outcome: str
    reason: str
    status: int | None = None
    wait_seconds: float | None = None
    """The wait that the receiver asks for."""
    is_final: bool = False


class WebhookSender:
    """The sender of webhooks of one process; of many, each webhook is sent by one at a time.

    :param now: the time, in UTC.
    :param retry_seconds: the waits between attempts.
    """

    def __init__(
        self,
        store: WebhookStore,
        settings: ServerSettings,
        now: Callable[[], datetime],
        *,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    ) -> None:
        self._store = store
        self._settings = settings
        self._now = now
        self._retry_seconds = retry_seconds
        self._secrets = read_secrets(settings.webhook_secret.get_secret_value())
        self._session: aiohttp.ClientSession | None = None
        self._looked_at = self._armed_at = 0.0
        self._at_work: Counter[str] = Counter()
        """The attempts under way, by tenant."""
        self._freed = asyncio.Event()

    async def watch(self) -> None:
        """Send until cancelled; without a secret there is nothing to send."""
        if not self._secrets:
            return
        try:
            async with asyncio.TaskGroup() as attempts:
                while True:
                    self._freed.clear()
                    try:
                        is_open = await self._look(attempts)
                    except StoreError as error:
                        logger.warning("webhooks_not_read", exc_info=error)
                        is_open = True
                    await self._rest(LOOK_SECONDS if is_open else IDLE_LOOK_SECONDS)
        finally:
            if self._session is not None:
                await self._session.close()

    async def _rest(self, seconds: float) -> None:
        """Wait for the next look, which is at once where a place becomes free."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._freed.wait()

    async def _look(self, attempts: asyncio.TaskGroup) -> bool:
        """Begin to send what is due, and return whether any is open."""
        if not await self._store.has_open():
            return False
        await self._arm()
        free = MAX_CONCURRENT_SENDS - self._at_work.total()
        if free:
            due = await self._store.take_due(
                self._now(), free, tenant_limit=MAX_TENANT_SENDS, at_work=self._at_work
            )
            for delivery in due:
                self._at_work[delivery.tenant_id] += 1
                attempts.create_task(self._send(delivery)).add_done_callback(
                    partial(self._free, delivery.tenant_id)
                )
        return True

    async def _arm(self) -> None:
        """Make those due whose runs have ended, once a second at most."""
        now, clock = self._now(), asyncio.get_running_loop().time()
        if clock - self._armed_at < LOOK_SECONDS:
            return
        is_whole = clock - self._looked_at >= WHOLE_LOOK_SECONDS
        await self._store.arm(now, ended_since=None if is_whole else now - RECENT)
        self._armed_at = clock
        if is_whole:
            self._looked_at = clock

    def _free(self, tenant_id: str, _: asyncio.Task[None]) -> None:
        """Give back the place of an attempt that has ended."""
        self._at_work[tenant_id] -= 1
        if not self._at_work[tenant_id]:
            del self._at_work[tenant_id]
        self._freed.set()

    async def _send(self, delivery: DueDelivery) -> None:
        """Make one attempt, and note what came of it."""
        outcome = await self._attempt(delivery)
        WEBHOOK_ATTEMPTS_TOTAL.labels("delivered" if isinstance(outcome, int) else outcome.outcome).inc()
        try:
            if isinstance(outcome, int):
                await self._store.note_delivered(delivery.id, status=outcome, now=self._now())
            else:
                await self._note_failure(delivery, outcome)
        except StoreError as error:  # it is sent again, with the same id
            logger.warning("webhook_not_noted", run_id=delivery.run_id, exc_info=error)

    async def _note_failure(self, delivery: DueDelivery, failure: _FailedAttempt) -> None:
        wait = self._wait_seconds(delivery, failure)
        names = {"run_id": delivery.run_id, "tenant_id": delivery.tenant_id, "status": failure.status}
        if wait is None:
            logger.warning("webhook_given_up", attempts=delivery.attempts, reason=failure.reason, **names)
            await self._store.note_failed(delivery.id, status=failure.status, error=failure.reason)
            return
        logger.info("webhook_attempt_failed", attempts=delivery.attempts, reason=failure.reason, **names)
        await self._store.note_attempt(
            delivery.id,
            status=failure.status,
            error=failure.reason,
            next_attempt_at=self._now() + timedelta(seconds=wait),
        )

    def _wait_seconds(self, delivery: DueDelivery, failure: _FailedAttempt) -> float | None:
        """Return the wait until the next attempt; None: there is none."""
        if failure.is_final or delivery.attempts > len(self._retry_seconds):
            return None
        wait = self._retry_seconds[delivery.attempts - 1]
        spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
        return max(wait * spread, failure.wait_seconds or 0.0)

    async def _attempt(self, delivery: DueDelivery) -> int | _FailedAttempt:
        """Send it once, and return the status with which the receiver has taken it, or why it has not."""
        try:
            check_destination(delivery.url, self._settings)  # the settings may have changed
        except InvalidRequest as error:
            return _FailedAttempt("refused", error.message, is_final=True)
        now, body = self._now(), body_of(delivery)
        headers = headers_of(delivery, body, self._secrets, now=now)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._post(delivery.url, body, headers)
        except TimeoutError:
            return _FailedAttempt("timeout", f"No answer within {TIMEOUT_SECONDS:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _FailedAttempt("unreachable", f"The receiver cannot be reached ({type(error).__name__}).")

    async def _post(self, url: str, body: str, headers: dict[str, str]) -> int | _FailedAttempt:
        async with self._opened().post(
            url, data=request_body(body.encode()), headers=headers, allow_redirects=False
        ) as response:
            status = response.status
            if 200 <= status < 300:
                return status
            reason = f"The receiver answers {status}."
            if status == GONE:
                return _FailedAttempt("gone", reason, status, is_final=True)
            return _FailedAttempt("status", reason, status, retry_after_seconds(response.headers))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=MAX_CONCURRENT_SENDS,
                resolver=PublicResolver(allowed_hosts(self._settings)),
                use_dns_cache=False,
                force_close=True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session
