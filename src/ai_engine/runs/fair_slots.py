"""Slots that tenants share by weight, so that one tenant's many requests do not shut the others out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import ClientDisconnect

from vital_shared.deadline import Deadline
from vital_shared.errors import VitalError
from vital_shared.monitoring.metrics import REQUESTS_REJECTED_TOTAL

__all__ = ["EngineBusy", "FairSlots", "Gone", "WeightOf", "stopping"]

Gone = Callable[[], Awaitable[None]]
"""A wait until the client is gone."""

WeightOf = Callable[[str], Awaitable[int]]
"""A reader of a tenant's weight."""

Turn = asyncio.Future[None]
"""A waiting request; done when it gets a slot, or an error instead."""

EQUAL_WEIGHT: Final = 1


SMOOTHING: Final = 0.2
"""The weight of the latest time between two ends in the mean of them."""

MAX_RETRY_SECONDS: Final = 60.0


class EngineBusy(VitalError):
    """No further work can be begun at the moment.

    :param retry_after_seconds: the time after which it is worth to ask again.
    """

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Share:
    """A tenant that holds slots or waits for them."""

    held: int = 0
    weight: int = EQUAL_WEIGHT
    tag: float = 0.0
    """Virtual time at which its next grant would end."""

    last_grant: int = 0
    """Number of its last grant among all; 0: it had none."""

    waiting: deque[Turn] = field(default_factory=deque)

    @property
    def rank(self) -> tuple[float, float, int]:
        """The order of service: the fewest slots per weight, then the earliest tag, then the oldest grant."""
        return self.held / self.weight, self.tag, self.last_grant


class FairSlots:
    """A number of slots, shared by tenants.

    A free slot goes to any tenant at once. While there is none, requests wait in one queue for each tenant,
    and the next slot goes to the waiting tenant that holds the fewest per weight. Equals take turns by
    weight (self-clocked fair queueing, Golestani 1994), so that none waits for ever. So each waiting tenant
    holds a slot before another holds a second one, whatever the weights.

    :param slots: work that may be done at once.
    :param extra_slots: further slots, so that other tenants start although one has taken all. A tenant gets
        one while it holds fewer slots than are left of them (dynamic threshold, Choudhury and Hahne 1998).
    :param max_waiting: requests of one tenant that may wait.
    :param wait_seconds: the longest wait for a slot.
    :param work: the noun for the work, in the plural, for error messages.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        slots: int,
        *,
        extra_slots: int = 0,
        max_waiting: int,
        wait_seconds: float,
        work: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.active = 0
        """Slots that are taken."""
        self._slots = slots
        self._extra_slots = extra_slots
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._work = work
        self._shares: dict[str, _Share] = {}
        self._virtual_time = 0.0
        self._grants = 0
        self._closed = False
        self._all_free = asyncio.Event()
        """Set while no slot is taken."""
        self._all_free.set()
        self._clock = clock
        self._ended_at = clock()
        self._seconds_per_end = 0.0
        """The mean time between two ends while others wait; 0: none has ended yet."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return sum(len(share.waiting) for share in self._shares.values())

    @asynccontextmanager
    async def slot(
        self,
        tenant_id: str,
        weight_of: WeightOf,
        gone: Gone | None = None,
        deadline: Deadline | None = None,
    ) -> AsyncIterator[None]:
        """Hold a slot within the block. Raises what `take` does."""
        await self.take(tenant_id, weight_of, gone, deadline)
        try:
            yield
        finally:
            self.give_back(tenant_id)

    async def take(
        self,
        tenant_id: str,
        weight_of: WeightOf,
        gone: Gone | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """Take a slot, at once or when it is the tenant's turn; `give_back` has to follow.

        :param weight_of: asked where the tenant has to wait.
        :param gone: waits until the client is gone; None: it stays.
        :param deadline: the end of the client's patience; None: it waits as long as any may.
        :raises EngineBusy: when too many of the tenant's requests wait, or this one has waited too long.
        :raises ClientDisconnect: when the client is gone.
        """
        if self._try_take(tenant_id):
            return
        try:
            weight = await weight_of(tenant_id) if self._max_waiting else EQUAL_WEIGHT
            if not self._try_take(tenant_id):  # one may have come free meanwhile
                await self._wait(tenant_id, self._join(tenant_id, weight), gone, deadline)
        except EngineBusy:
            REQUESTS_REJECTED_TOTAL.labels("overload").inc()
            raise

    def take_at_once(self, tenant_id: str) -> None:
        """Take a slot beyond the limit if need be, for work that was admitted before; `give_back` follows."""
        self._grant(self._share_of(tenant_id))

    def give_back(self, tenant_id: str) -> None:
        """Let go of a slot; it goes to a waiting request, where there is one."""
        self._note_end()
        self.active -= 1
        if not self.active:
            self._all_free.set()
        self._shares[tenant_id].held -= 1
        self._forget_idle(tenant_id)
        self._serve()

    def close(self) -> None:
        """Give out no more slots; runs that wait are refused."""
        self._closed = True
        for share in self._shares.values():
            for turn in share.waiting:
                if not turn.done():
                    turn.set_exception(stopping())

    async def emptied(self) -> None:
        """Wait until no slot is taken."""
        while self.active:  # one may have been taken since the last was given back
            await self._all_free.wait()

    def _try_take(self, tenant_id: str) -> bool:
        share = self._shares.get(tenant_id)
        if self._closed or not self._has_room(share):
            return False
        self._grant(self._share_of(tenant_id))
        return True

    def _has_room(self, share: _Share | None) -> bool:
        held = 0 if share is None else share.held
        return self.active < self._slots or held < self._slots + self._extra_slots - self.active

    def _share_of(self, tenant_id: str) -> _Share:
        share = self._shares.get(tenant_id)
        if share is None:
            share = self._shares[tenant_id] = _Share()
        return share

    def _grant(self, share: _Share) -> None:
        share.held += 1
        self.active += 1
        self._all_free.clear()
        self._grants += 1
        share.last_grant = self._grants
        self._virtual_time = max(self._virtual_time, share.tag)
        share.tag = self._virtual_time + 1 / share.weight

    def _join(self, tenant_id: str, weight: int) -> Turn:
        if self._closed:
            raise stopping()
        share = self._share_of(tenant_id)
        if len(share.waiting) >= self._max_waiting:
            self._forget_idle(tenant_id)
            waiting = f", and {len(share.waiting)} of this tenant wait" if share.waiting else ""
            raise EngineBusy(
                f"The engine works on {self.active} {self._work}, its limit{waiting}: try again in a moment.",
                retry_after_seconds=self._retry_seconds(tenant_id, weight),
            )
        share.weight = weight
        if not self.waiting:
            self._ended_at = self._clock()
        if not share.waiting:
            share.tag = max(share.tag, self._virtual_time + 1 / weight)
        turn: Turn = asyncio.get_running_loop().create_future()
        share.waiting.append(turn)
        return turn

    async def _wait(self, tenant_id: str, turn: Turn, gone: Gone | None, deadline: Deadline | None) -> None:
        patience = self._wait_seconds if deadline is None else deadline.remaining_seconds
        seconds = min(self._wait_seconds, patience)
        try:
            async with _abandoned_without_client(turn, gone), asyncio.timeout(seconds):
                await turn
        except TimeoutError as error:
            weight = self._shares[tenant_id].weight
            self._leave(tenant_id, turn)
            raise self._waited_too_long(tenant_id, weight, seconds) from error
        except BaseException:
            self._leave(tenant_id, turn)
            raise

    def _leave(self, tenant_id: str, turn: Turn) -> None:
        """Let go of a turn that nobody waits for any more, or of the slot that it has brought."""
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.give_back(tenant_id)
            return
        share = self._shares.get(tenant_id)
        if share is not None and turn in share.waiting:
            share.waiting.remove(turn)
            self._forget_idle(tenant_id)

    def _serve(self) -> None:
        """Give free slots to waiting requests."""
        while not self._closed:
            ready = [item for item in self._shares.items() if item[1].waiting and self._has_room(item[1])]
            if not ready:
                return
            tenant_id, share = min(ready, key=lambda item: item[1].rank)
            turn = share.waiting.popleft()
            if turn.done():  # its client is gone
                self._forget_idle(tenant_id)
            else:
                self._grant(share)
                turn.set_result(None)

    def _forget_idle(self, tenant_id: str) -> None:
        share = self._shares[tenant_id]
        if share.held == 0 and not share.waiting:
            del self._shares[tenant_id]

    def _note_end(self) -> None:
        """Note the time between two ends while others wait: the pace at which these get on."""
        now = self._clock()
        passed, self._ended_at = now - self._ended_at, now
        if any(share.waiting for share in self._shares.values()):
            known = self._seconds_per_end
            self._seconds_per_end = known + SMOOTHING * (passed - known) if known else passed

    def _retry_seconds(self, tenant_id: str, weight: int) -> float:
        """Return the time until a slot should come free for another request of a tenant.

        It gets the share of its weight among the tenants that wait.
        """
        waiting = {name: share for name, share in self._shares.items() if share.waiting}
        own = len(waiting.pop(tenant_id).waiting) if tenant_id in waiting else 0
        turns = (own + 1) * (weight + sum(share.weight for share in waiting.values())) / weight
        return min(MAX_RETRY_SECONDS, max(1.0, turns * self._seconds_per_end))

    def _waited_too_long(self, tenant_id: str, weight: int, seconds: float) -> EngineBusy:
        return EngineBusy(
            f"The engine works on {self.active} {self._work}, its limit, and none has ended in "
            f"{seconds:g} seconds that was this tenant's turn: try again in a moment.",
            retry_after_seconds=self._retry_seconds(tenant_id, weight),
        )


@asynccontextmanager
async def _abandoned_without_client(turn: Turn, gone: Gone | None) -> AsyncIterator[None]:
    """Give up a turn when the client goes within the block."""
    if gone is None:
        yield
        return

    def abandon(leaving: asyncio.Future[None]) -> None:
        if not turn.done() and not leaving.cancelled():
            turn.set_exception(ClientDisconnect())

    leaving = asyncio.ensure_future(gone())
    leaving.add_done_callback(abandon)
    try:
        yield
    finally:
        leaving.cancel()
        await asyncio.wait([leaving])


def stopping() -> EngineBusy:
    """Make the error of what an engine that shuts down does not do."""
    return EngineBusy("The engine is shutting down: try again in a moment.")
