"""Errors that end a call of a model, as one kind: `ModelError`, in a sentence that can be stored and sent."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import VitalError
from vital_shared.llm.base import ModelError, ModelFailed, ModelTimeout
from vital_shared.logs import get_logger
from vital_shared.models.clean_text import clean_text

__all__ = ["as_model_error", "is_own_cancellation"]

MAX_MESSAGE_CHARACTERS: Final = 1_000
MAX_ID_CHARACTERS: Final = 256

logger = get_logger(__name__)


def as_model_error(error: BaseException, model: str) -> ModelError:
    """Return the error for whatever a model has raised; what no model is meant to raise is logged.

    :param model: the model's name.
    """
    if isinstance(error, ModelError):
        error.message = clean_text(error.message[:MAX_MESSAGE_CHARACTERS])
        error.args = (error.message,)
        error.request_id = error.request_id and clean_text(str(error.request_id)[:MAX_ID_CHARACTERS])
        return error
    logger.warning("model_call_failed", model=model, exc_info=error)
    return _unforeseen(error, model)


def _unforeseen(error: BaseException, model: str) -> ModelError:
    failure: ModelError
    if isinstance(error, TimeoutError):
        failure = ModelTimeout(f'The model "{model}" ran out of time.', model=model)
    elif isinstance(error, VitalError):  # written for users
        failure = ModelFailed(clean_text(str(error)[:MAX_MESSAGE_CHARACTERS]), model=model)
    else:
        failure = ModelFailed(
            f'The call of the model "{model}" failed ({type(error).__name__}).', model=model
        )
    failure.__cause__ = error
    return failure


def is_own_cancellation() -> bool:
    """Return whether the running task is being cancelled: else that of another one came through."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
