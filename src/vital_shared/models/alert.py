"""Alerts as Alertmanager reports them, and as they are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from vital_shared.models.base import Frozen

__all__ = ["MAX_ALERTS", "Alert", "AlertNotification", "AlertStatus", "NotifiedAlert"]

MAX_ALERTS: Final = 1_000
"""Alerts that are kept, the newest; no notification has more."""

AlertStatus = Literal["firing", "resolved"]

_Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_Text = Annotated[str, StringConstraints(max_length=8_192)]
Texts = Annotated[dict[_Name, _Text], Field(max_length=64)]
"""Labels or annotations."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,64}$")]
"""The hash of an alert's labels, equal for alerts with the same labels."""


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from error


_Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Notified(BaseModel):
    # What newer versions of Alertmanager add is let pass.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)


class NotifiedAlert(_Notified):
    """One alert of a notification."""

    status: AlertStatus
    labels: Texts
    annotations: Texts = Field(default_factory=dict)
    starts_at: _Moment = Field(alias="startsAt")
    ends_at: _Moment = Field(alias="endsAt")
    """Meaningless for an alert that fires."""
    generator_url: _Text = Field(default="", alias="generatorURL")
    fingerprint: Fingerprint


class AlertNotification(_Notified):
    """The body that Alertmanager posts to a webhook, in version 4 of its form.

    See https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. Values common to all
    alerts of a group are in each of them too, and are not read.
    """

    version: Literal["4"]
    receiver: _Text
    alerts: tuple[NotifiedAlert, ...] = Field(max_length=MAX_ALERTS)


class Alert(Frozen):
    """An alert as of its last notification."""

    fingerprint: str
    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    """None: it fires."""
    generator_url: str
    """The address of its expression in Prometheus."""
    receiver: str
    """The receiver of Alertmanager's configuration that sent it."""
    received_at: datetime
    """The time of its last notification."""
