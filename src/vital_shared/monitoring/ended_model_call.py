"""The end of a model's call, without OpenTelemetry, which is an extra."""

from __future__ import annotations

from dataclasses import dataclass

from vital_shared.models.model_call import ModelCall

__all__ = ["EndedModelCall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedModelCall:
    """The end of a model's call, as its span shows it."""

    status: str
    """success, failed, timeout or cancelled."""

    call: ModelCall | None = None
    """The record of the call; None: it never went out, or is not counted."""

    stop: str | None = None
    """The reason why the model stopped, where it gave one."""

    response_id: str | None = None
    response_model: str | None = None
    error: BaseException | None = None
