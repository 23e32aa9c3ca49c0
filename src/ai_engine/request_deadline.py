"""The client's deadline, in seconds: ``X-Request-Timeout: 12.5``, or ``Prefer: wait=12`` (RFC 7240)."""

from __future__ import annotations

import math
import re
from typing import Final

from starlette.requests import Request

from ai_engine.api.prefer import PREFER, prefers_async
from vital_shared.deadline import Deadline
from vital_shared.errors import InvalidRequest

__all__ = ["HEADER", "deadline_of"]

HEADER: Final = "X-Request-Timeout"

_WAIT: Final = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])', re.IGNORECASE)


def deadline_of(http_request: Request) -> Deadline | None:
    """Return the deadline that the client has set, from now on; None: it waits for any time.

    A preference that makes no sense is ignored, as RFC 7240 has it; with ``respond-async`` it is the wait
    before the run goes on in the background, and no deadline.

    :raises InvalidRequest: when the header of our own is no number of seconds above 0.
    """
    given = http_request.headers.get(HEADER)
    seconds = _preferred(http_request) if given is None else _seconds(given)
    return None if seconds is None else Deadline.after(seconds, of_client=True)


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidRequest(f"{HEADER} has to be a number of seconds above 0, such as 12.5", field=HEADER)
    return seconds


def _preferred(http_request: Request) -> float | None:
    if prefers_async(http_request):
        return None
    wait = _WAIT.search(",".join(http_request.headers.getlist(PREFER)))
    return float(wait[1]) or None if wait else None
