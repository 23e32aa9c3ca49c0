"""The message of a webhook, signed as Standard Webhooks has it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic_core import to_json

from ai_engine.webhooks.engine_secrets import KEY_PREFIX
from vital_shared.store.webhook_deliveries import DueDelivery

__all__ = ["body_of", "headers_of", "tenant_secret"]


def tenant_secret(secret: bytes, tenant_id: str) -> str:
    """Return the secret that signs one tenant's webhooks, made of the engine's.

    So no tenant's receiver can sign what another one would believe, and no secret is stored.
    """
    key = hmac.digest(secret, f"vital-webhook:{tenant_id}".encode(), hashlib.sha256)
    return KEY_PREFIX + base64.b64encode(key).decode()


def body_of(delivery: DueDelivery) -> str:
    """Return the message: the run's end, without its answer, which `GET /v1/runs/{id}` has."""
    data = {
        "run_id": delivery.run_id,
        "tenant_id": delivery.tenant_id,
        "status": delivery.status,
        "error_type": delivery.error_type,
        "error_message": delivery.error_message,
    }
    message = {"type": f"run.{delivery.status}", "timestamp": delivery.finished_at, "data": data}
    return to_json(message).decode()


def headers_of(
    delivery: DueDelivery, body: str, secrets: Sequence[bytes], *, now: datetime
) -> dict[str, str]:
    """Return the headers of an attempt, with a signature of each secret.

    :param now: the moment of the attempt, in UTC.
    """
    from standardwebhooks import Webhook  # noqa: PLC0415 - an extra

    signatures = [
        Webhook(tenant_secret(secret, delivery.tenant_id)).sign(delivery.id, now, body) for secret in secrets
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "vital-webhooks",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
