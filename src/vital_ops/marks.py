"""Mark times on the dashboards, as annotations of Grafana (HTTP API, ``POST /api/annotations``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiohttp
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vital_shared.errors import VitalError

__all__ = ["DRILL_TAGS", "GrafanaSettings", "Mark", "MarkFailed", "mark"]

GRAFANA_TIMEOUT_SECONDS: Final = 10.0

DRILL_TAGS: Final = ("vital", "drill")
"""The tags by which every dashboard finds drills."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A time that is marked."""

    began: datetime
    ended: datetime
    text: str
    tags: tuple[str, ...]
    dashboard: str = ""
    """The uid of the one dashboard that shows it; empty: all that ask for its tags."""

    def body(self) -> dict[str, object]:
        """Return it as Grafana takes it."""
        own = {"dashboardUID": self.dashboard} if self.dashboard else {}
        return own | {
            "time": round(self.began.timestamp() * 1000),
            "timeEnd": round(self.ended.timestamp() * 1000),
            "tags": list(self.tags),
            "text": self.text,
        }


class MarkFailed(VitalError):
    """Grafana has not taken an annotation."""


class GrafanaSettings(BaseSettings):
    """The address and token of Grafana; every field is ``VITAL_<NAME>``. Without either nothing is marked."""

    model_config = SettingsConfigDict(env_prefix="VITAL_", frozen=True, env_ignore_empty=True)

    grafana_url: str = ""
    grafana_token: SecretStr | None = None
    """The token of a service account that may write annotations."""


async def mark(client: aiohttp.ClientSession, settings: GrafanaSettings, marks: Iterable[Mark]) -> int:
    """Mark times, and return how many were.

    :raises MarkFailed: when Grafana does not take one.
    """
    if not settings.grafana_url or settings.grafana_token is None:
        return 0
    headers = {"Authorization": f"Bearer {settings.grafana_token.get_secret_value()}"}
    marked = 0
    for each in marks:
        url = f"{settings.grafana_url.rstrip('/')}/api/annotations"
        try:
            async with client.post(
                url, json=each.body(), headers=headers, timeout=aiohttp.ClientTimeout(GRAFANA_TIMEOUT_SECONDS)
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise MarkFailed(
                f"Grafana does not answer at {settings.grafana_url}: see VITAL_GRAFANA_URL."
            ) from error
        if status != 200:
            raise MarkFailed(
                f"Grafana has refused an annotation with status {status}: see VITAL_GRAFANA_TOKEN."
            )
        marked += 1
    return marked
