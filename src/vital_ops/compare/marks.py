"""Mark the times of a comparison in Grafana (HTTP API, ``POST /api/annotations``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import aiohttp
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vital_ops.compare.compare import Measured
from vital_ops.uids import PERFORMANCE
from vital_shared.errors import VitalError

__all__ = ["GrafanaSettings", "MarkFailed", "mark"]

SECONDS: Final = 10.0


class MarkFailed(VitalError):
    """Grafana has not taken an annotation."""


class GrafanaSettings(BaseSettings):
    """Where Grafana is; every field is ``VITAL_<NAME>``. Without an address or a token nothing is marked."""

    model_config = SettingsConfigDict(env_prefix="VITAL_", frozen=True, env_ignore_empty=True)

    grafana_url: str = ""
    grafana_token: SecretStr | None = None
    """Of a service account that may write annotations."""


async def mark(client: aiohttp.ClientSession, settings: GrafanaSettings, loads: Iterable[Measured]) -> int:
    """Mark each load on the first dashboard, and return how many were.

    :raises MarkFailed: when Grafana does not take one.
    """
    if not settings.grafana_url or settings.grafana_token is None:
        return 0
    headers = {"Authorization": f"Bearer {settings.grafana_token.get_secret_value()}"}
    marked = 0
    for load in loads:
        body = {
            "dashboardUID": PERFORMANCE,
            "time": round(load.began.timestamp() * 1000),
            "timeEnd": round(load.ended.timestamp() * 1000),
            "tags": ["vital", "compare"],
            "text": f"vital compare: {load.load.name}",
        }
        url = f"{settings.grafana_url.rstrip('/')}/api/annotations"
        try:
            async with client.post(
                url, json=body, headers=headers, timeout=aiohttp.ClientTimeout(SECONDS)
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
