"""Alertmanager's destinations; secrets are named by the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Destinations", "Mail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail server, and who gets mail."""

    smarthost: str
    """``host:port``."""
    sender: str
    recipient: str
    """One address, or several with commas between them."""
    username: str = ""
    password_file: Path | None = None
    require_tls: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """All places. The engine gets every notification; of the others those that are configured."""

    engine_url: str
    """The address of ``POST /v1/alerts``."""
    engine_key_file: Path | None = None
    """The file with a key for all tenants; None: the engine asks for none."""
    slack_url_file: Path | None = None
    """The file with the address of an incoming webhook."""
    pagerduty_key_file: Path | None = None
    """The file with a routing key of the Events API v2."""
    pagerduty_url: str | None = None
    """None: PagerDuty's own."""
    mail: Mail | None = None
    switch_url: str | None = field(default=None, repr=False)
    """The address of a dead man's switch, which is called while alerting works.

    It stands in the configuration: Alertmanager reads it from a file since 0.26 only, and Debian 12 has 0.25.
    """
