"""Values in Redis that are of another type, or none that we have written."""

from __future__ import annotations

import re
from typing import Final, Literal

from redis.exceptions import ResponseError

from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import REDIS_ODD_VALUES_TOTAL

__all__ = ["is_odd_value", "note_odd_value"]

logger = get_logger(__name__)

WRONG_TYPE: Final = "WRONGTYPE"
IN_SCRIPT: Final = "user_script"

_CODE: Final = re.compile(r"[A-Z]{4,} ")
"""The code of an error that is about the server, such as ``MISCONF``; ``ERR`` is left out by the client."""


def is_odd_value(error: BaseException) -> bool:
    """Return whether an error is about the value of a key, so that the server answers all the same."""
    if type(error) is not ResponseError:  # the others of its kind are about the server
        return False
    said = str(error)
    return said.startswith(WRONG_TYPE) or (IN_SCRIPT in said and _CODE.match(said) is None)


def note_odd_value(place: Literal["cache", "event_log", "presence"], reason: str, **fields: str) -> None:
    """Count and log a value that is none of ours.

    :param place: the part of the engine whose value was to be there.
    :param fields: the key, or the run, that it was found for.
    """
    REDIS_ODD_VALUES_TOTAL.labels(place).inc()
    logger.warning("redis_value_odd", place=place, reason=reason, **fields)
