"""``vital ops setup``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["setup"]


def setup(
    folder: Annotated[Path, typer.Argument(help="The folder for the files; it is created.")],
    engine: Annotated[str, typer.Option(help="The engine's address, as Alertmanager reaches it.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file: environment, addresses, thresholds.")
    ] = None,
) -> None:
    """Make what Prometheus and Alertmanager need beside an engine that asks for keys.

    That is engine.key, with a key for all tenants that may see costs, metrics and alerts; alertmanager.yml,
    with the address of VITAL_DEAD_MANS_SWITCH_URL in it; and the secrets of VITAL_SLACK_WEBHOOK_URL,
    VITAL_PAGERDUTY_ROUTING_KEY and VITAL_SMTP_PASSWORD. All of them are for their owner alone. The
    rules are written to rules/ and the runbooks to runbooks/, with the environment and the addresses of
    --config. Done again, it keeps a key that works.
    """
    import asyncio

    from vital_cli.settings import load_settings
    from vital_cli.terminal import say
    from vital_ops.config import DEFAULT_CONFIG, load_config
    from vital_ops.stack.notification_settings import NotificationSettings
    from vital_ops.stack.setting_up import set_up
    from vital_shared.settings import Settings

    notifications = load_settings(NotificationSettings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    chosen = DEFAULT_CONFIG if config is None else load_config(config)
    is_new = asyncio.run(set_up(folder, load_settings(Settings).url, notifications, engine, chosen))
    destinations = ", ".join(("the engine", *notifications.places.values()))
    say(f"{'Made' if is_new else 'Kept'} the key in {folder}. Alerts go to: {destinations}.", "green")
