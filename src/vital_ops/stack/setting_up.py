"""The files that Prometheus and Alertmanager need beside an engine in another container."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vital_ops.build import build
from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.routing import routing
from vital_ops.rules.files import rule_files
from vital_ops.runbooks import runbook_files
from vital_ops.stack.notification_settings import NotificationSettings
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.up import KEY_FILE
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore

__all__ = ["set_up"]

RULES: Final = "rules"
"""The folder of the rule files."""

RUNBOOKS: Final = "runbooks"
"""The folder of the runbooks, which an engine serves in place of its own with VITAL_RUNBOOKS_DIR."""


async def set_up(
    folder: Path,
    database_url: str,
    notifications: NotificationSettings,
    engine_url: str,
    config: OpsConfig = DEFAULT_CONFIG,
) -> bool:
    """Write a key, Alertmanager's configuration, its secrets, rules and runbooks to a folder, or anew.

    :param engine_url: the address of the engine, as Alertmanager reaches it.
    :return: whether the key is new; one that works is kept.
    :raises ConfigurationError: when a setting is wrong.
    :raises StoreError: when the database is not there.
    """
    key_file = folder / KEY_FILE
    destinations = notifications.destinations(
        folder, engine_url=f"{engine_url.rstrip('/')}/v1/alerts", engine_key_file=key_file
    )
    write_secret(folder / "alertmanager.yml", routing(destinations))
    build(folder, {f"{RULES}/{name}": text for name, text in rule_files(config).items()})
    build(folder, {f"{RUNBOOKS}/{name}": text for name, text in runbook_files(config).items()})
    database = Database(database_url)
    try:
        await database.migrate()
        keys = KeyStore(database)
        now = datetime.now(UTC)
        if key_file.exists() and await keys.verify(key_file.read_text(encoding="utf-8"), now=now) is not None:
            return False
        new = await keys.create(tenant_id=None, scopes=["costs"], name="Prometheus, Alertmanager", now=now)
        write_secret(key_file, new.token)
        return True
    finally:
        await database.aclose()
