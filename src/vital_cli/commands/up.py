"""``vital up``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["up"]


def up(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The engine's port; VITAL_PORT, or else 8000.")
    ] = None,
    prometheus_port: Annotated[int, typer.Option(min=1, max=65535, help="Prometheus' port.")] = 9090,
    alertmanager_port: Annotated[int, typer.Option(min=1, max=65535, help="Alertmanager's port.")] = 9093,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file: environment, addresses, thresholds.")
    ] = None,
) -> None:
    """Serve the engine, watched by Prometheus and Alertmanager, until Ctrl-C.

    Alerts are shown here and at /v1/alerts. They go to Slack, to PagerDuty and by mail if
    VITAL_SLACK_WEBHOOK_URL, VITAL_PAGERDUTY_ROUTING_KEY, and VITAL_SMTP_HOST, VITAL_SMTP_FROM and
    VITAL_SMTP_TO are set. VITAL_DEAD_MANS_SWITCH_URL is called every minute or two while alerting works.
    Several workers (VITAL_WORKERS) share a Redis: this starts one, unless VITAL_REDIS_URL names another.
    """
    from ai_engine.settings import ServerSettings
    from vital_cli.settings import load_settings
    from vital_cli.stack_run import announce, engine_program, reachable, run_until_stopped
    from vital_cli.terminal import say
    from vital_ops.build import build
    from vital_ops.config import load_config
    from vital_ops.routing import routing
    from vital_ops.rules.files import rule_files
    from vital_ops.runbooks import runbook_files
    from vital_ops.stack.notification_settings import NotificationSettings
    from vital_ops.stack.ports import free_port
    from vital_ops.stack.setting_up import RUNBOOKS
    from vital_ops.stack.stack import HOST, Stack, local_config
    from vital_ops.stack.up import KEY_FILE, locked
    from vital_ops.stack.up import up as run
    from vital_shared.settings import Settings

    settings, server = load_settings(Settings), load_settings(ServerSettings, port=port)
    notifications = load_settings(NotificationSettings)
    folder, address = settings.data_dir / "stack", reachable(server.host, server.port)
    chosen = local_config(
        address, prometheus_port, alertmanager_port, os.environ.get("VITAL_ENVIRONMENT", "")
    )
    if config is not None:
        chosen = load_config(config, chosen)
    is_shared = server.workers > 1 and not settings.redis_url.get_secret_value()
    redis_address = f"{HOST}:{free_port(HOST)}" if is_shared else None
    watchers = {
        "VITAL_PROMETHEUS_URL": f"http://{HOST}:{prometheus_port}",
        "VITAL_ALERTMANAGER_URL": f"http://{HOST}:{alertmanager_port}",
        **({} if config is None else {"VITAL_OPS_CONFIG": str(config.resolve())}),
    }
    with locked(folder):
        build(folder, {f"{RUNBOOKS}/{name}": text for name, text in runbook_files(chosen).items()})
        destinations = notifications.destinations(
            folder, engine_url=f"http://{address}/v1/alerts", engine_key_file=folder / KEY_FILE
        )
        stack = Stack(
            folder=folder,
            engine=engine_program(address, server.port, folder / RUNBOOKS, redis_address, watchers),
            engine_address=address,
            redis_address=redis_address,
            prometheus_port=prometheus_port,
            alertmanager_port=alertmanager_port,
            rules=rule_files(chosen),
            config=chosen,
            routing=routing(destinations),
            key_file=folder / KEY_FILE,
        )
        run_until_stopped(run(stack, settings.url, lambda: announce(stack, notifications), _warn))
    say("Everything has stopped.")


def _warn(text: str) -> None:
    from vital_cli.terminal import say

    say(text, "yellow")
