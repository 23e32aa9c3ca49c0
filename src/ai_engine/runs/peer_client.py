"""The runs of the other workers, as this one sees them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from typing import Final

from ai_engine.runs.peer_protocol import ALL, Ask, RunSegment, Wish
from ai_engine.runs.peer_server import MORE, YES
from vital_shared.errors import VitalError

__all__ = ["PeerGone", "RunsElsewhere"]


MAX_STREAM_SECONDS: Final = 30.0
"""The longest wait of a request for new events: a worker that is silent for longer is taken for gone."""


class PeerGone(VitalError):
    """The worker that had a run is gone, or has let go of the run."""


class RunsElsewhere:
    """A client that finds, follows and cancels them.

    :param ask: reaches the other workers.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def find(self, run_id: str, tenant_id: str | None) -> dict[int, RunSegment]:
        """Return the segments of a run that each worker holds.

        :param tenant_id: restrict to this tenant; None for every tenant.
        """
        wish = Wish(op="find", run_id=run_id, tenant_id=tenant_id)
        answers = await self._ask(ALL, wish.model_dump_json().encode())
        return {worker: RunSegment.model_validate_json(answer) for worker, answer in answers.items()}

    async def pieces(
        self, worker: int, run_id: str, tenant_id: str | None, after: int, seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Read a worker's events after one, as they come; they end when the run has ended.

        :param seconds: time that a reader who has left may count as one.
        :raises PeerGone: when the worker is gone before that.
        """
        wish = Wish(
            op="read",
            run_id=run_id,
            tenant_id=tenant_id,
            reader=uuid.uuid4().hex,
            after=after,
            seconds=min(seconds, MAX_STREAM_SECONDS),
        )
        body = wish.model_dump_json().encode()
        is_over = False
        try:
            while not is_over:
                answer = (await self._ask(worker, body)).get(worker, b"")
                is_over = not answer.startswith(MORE)
                if not answer:
                    raise PeerGone("The worker that has the run is gone.")
                if piece := answer[len(MORE) :]:  # empty where there was no news
                    yield piece
        finally:
            if not is_over:
                leave = wish.model_copy(update={"op": "leave"})
                await self._ask(worker, leave.model_dump_json().encode())

    async def cancel(self, worker: int, run_id: str, tenant_id: str | None) -> bool:
        """Cancel a run, and return whether it was cancelled: it may have ended before."""
        wish = Wish(op="cancel", run_id=run_id, tenant_id=tenant_id)
        answers = await self._ask(worker, wish.model_dump_json().encode())
        return answers.get(worker) == YES
