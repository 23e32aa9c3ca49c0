"""Silences of alerts, through Alertmanager."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine, engine_of
from ai_engine.monitoring.alertmanager import Alertmanager, AlertSilence, SilenceMatcher
from vital_shared.errors import NotFound, StoreError
from vital_shared.models.base import Frozen
from vital_shared.store.audit import AuditedChange, add_entry

__all__ = ["NewSilence", "SilenceInput", "SilenceList", "router"]

MAX_HOURS: Final = 24 * 31

ALERT_NAME: Final = re.compile(r"\w{1,128}")
"""The alert name that the audit log repeats: it has no text that people write."""

router = APIRouter(prefix="/v1/silences", tags=["alerts"])

_Label = Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$", max_length=128)]
_Text = Annotated[str, Field(min_length=1, max_length=512)]


class SilenceList(Frozen):
    """Silences, the last to end first."""

    silences: tuple[AlertSilence, ...]
    has_alertmanager: bool
    """Whether there is an Alertmanager at all."""


class SilenceInput(Frozen):
    """The alerts that are to notify nobody for some time."""

    labels: dict[_Label, _Text] = Field(min_length=1, max_length=20)
    """Labels that alerts must have, such as ``alertname``."""
    hours: float = Field(gt=0, le=MAX_HOURS)
    comment: _Text


class NewSilence(Frozen):
    """The created silence."""

    id: str


@router.get("", summary="List silences")
async def list_silences(request: Request) -> SilenceList:
    """List Alertmanager's silences; without an Alertmanager there are none."""
    url = engine_of(request).settings.alertmanager_url
    if not url:
        return SilenceList(silences=(), has_alertmanager=False)
    return SilenceList(silences=await Alertmanager(url).silences(), has_alertmanager=True)


@router.post("", summary="Silence alerts", status_code=201)
async def create_silence(request: Request, silence: SilenceInput) -> NewSilence:
    """Let the alerts with these labels notify nobody for some hours."""
    engine = engine_of(request)
    now, caller, alertmanager = engine.services.now(), Caller.of(request), _alertmanager(engine)
    made = await alertmanager.create(
        [SilenceMatcher(name=name, value=value) for name, value in silence.labels.items()],
        starts_at=now,
        ends_at=now + timedelta(hours=silence.hours),
        created_by=caller.user_id or caller.key_id or "console",
        comment=silence.comment,
    )
    details: dict[str, Any] = {"hours": silence.hours, "labels": sorted(silence.labels)}
    if ALERT_NAME.fullmatch(alert := silence.labels.get("alertname", "")):
        details["alert"] = alert
    try:
        await _note(engine, AuditedChange("alert_silenced", made, None, now, details=details))
    except StoreError:
        await alertmanager.expire(made)
        raise
    return NewSilence(id=made)


@router.delete("/{silence_id}", summary="End a silence", status_code=204)
async def expire_silence(request: Request, silence_id: UUID) -> Response:
    """End a silence: its alerts notify again."""
    engine = engine_of(request)
    await _alertmanager(engine).expire(str(silence_id))
    await _note(engine, AuditedChange("silence_ended", str(silence_id), None, engine.services.now()))
    return Response(status_code=204)


async def _note(engine: Engine, change: AuditedChange) -> None:
    async with engine.services.database.begin() as connection:
        await connection.run_sync(add_entry, change)


def _alertmanager(engine: Engine) -> Alertmanager:
    """Return the engine's Alertmanager.

    :raises NotFound: when there is none.
    """
    if not engine.settings.alertmanager_url:
        raise NotFound("There is no Alertmanager: set VITAL_ALERTMANAGER_URL to its address.")
    return Alertmanager(engine.settings.alertmanager_url)
