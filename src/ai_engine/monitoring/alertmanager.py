"""Silences, by the API of Alertmanager.

See https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import aiohttp
import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ai_engine.monitoring.monitor import MonitoringUnavailable
from vital_shared.errors import NotFound
from vital_shared.models.base import Frozen

__all__ = ["AlertSilence", "Alertmanager", "SilenceMatcher"]

ANSWER_SECONDS: Final = 10.0
MAX_SILENCES: Final = 1_000


class SilenceMatcher(Frozen):
    """A condition on a label of alerts."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class AlertSilence(Frozen):
    """A period in which some alerts notify nobody."""

    id: str
    state: Literal["active", "pending", "expired"]
    matchers: tuple[SilenceMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


class _Sent(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _SentMatcher(_Sent):
    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    is_equal: bool = Field(default=True, alias="isEqual")


class _SentStatus(_Sent):
    state: Literal["active", "pending", "expired"]


class _SentSilence(_Sent):
    id: str
    status: _SentStatus
    matchers: tuple[_SentMatcher, ...]
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    created_by: str = Field(alias="createdBy")
    comment: str


_silences: Final[TypeAdapter[list[_SentSilence]]] = TypeAdapter(list[_SentSilence])


class Alertmanager:
    """The silences of one Alertmanager.

    :param url: the address of Alertmanager.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def silences(self) -> tuple[AlertSilence, ...]:
        """Return all silences that are kept, those that end last first.

        :raises MonitoringUnavailable: when Alertmanager does not answer, or not as it should.
        """
        text = await self._ask("GET", "silences")
        try:
            sent = _silences.validate_json(text)
        except ValidationError as error:
            raise MonitoringUnavailable("Alertmanager answers with no list of silences.") from error
        newest = sorted(sent, key=lambda each: each.ends_at, reverse=True)[:MAX_SILENCES]
        return tuple(map(_silence, newest))

    async def create(
        self,
        matchers: Sequence[SilenceMatcher],
        *,
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
    ) -> str:
        """Make a silence, and return its id.

        :raises MonitoringUnavailable: when Alertmanager does not answer, or refuses it.
        """
        body = {
            "matchers": [
                {"name": each.name, "value": each.value, "isRegex": each.is_regex, "isEqual": each.is_equal}
                for each in matchers
            ],
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "createdBy": created_by,
            "comment": comment,
        }
        answer = orjson.loads(await self._ask("POST", "silences", body))
        return str(answer["silenceID"])

    async def expire(self, silence_id: str) -> None:
        """End a silence.

        :raises NotFound: when there is none of this id.
        :raises MonitoringUnavailable: when Alertmanager does not answer.
        """
        await self._ask("DELETE", f"silence/{silence_id}")

    async def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        timeout = aiohttp.ClientTimeout(ANSWER_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, f"{self._url}/api/v2/{path}", json=body) as response,
            ):
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise MonitoringUnavailable(f"Alertmanager does not answer: {type(error).__name__}.") from error
        if response.status == 404:
            raise NotFound("Alertmanager has no such silence.")
        if not response.ok:
            raise MonitoringUnavailable(f"Alertmanager refused with status {response.status}.")
        return text


def _silence(sent: _SentSilence) -> AlertSilence:
    return AlertSilence(
        id=sent.id,
        state=sent.status.state,
        matchers=tuple(
            SilenceMatcher(name=each.name, value=each.value, is_regex=each.is_regex, is_equal=each.is_equal)
            for each in sent.matchers
        ),
        starts_at=sent.starts_at,
        ends_at=sent.ends_at,
        created_by=sent.created_by,
        comment=sent.comment,
    )
