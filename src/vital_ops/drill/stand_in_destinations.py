"""The destinations of a drill's notifications."""

from __future__ import annotations

from pathlib import Path

from vital_ops.destinations import Destinations, Mail
from vital_ops.receivers.stand_ins import ROUTING_KEY, StandIns
from vital_ops.stack.secret_files import write_secret

__all__ = ["stand_in_destinations"]


def stand_in_destinations(
    folder: Path, stands: StandIns, *, engine_url: str, engine_key_file: Path
) -> Destinations:
    """Send everything to the stand-ins; what would be secret is written to files all the same."""
    return Destinations(
        engine_url=engine_url,
        engine_key_file=engine_key_file,
        slack_url_file=write_secret(folder / "slack-webhook-url", stands.slack_url),
        pagerduty_key_file=write_secret(folder / "pagerduty-routing-key", ROUTING_KEY),
        pagerduty_url=stands.pagerduty_url,
        mail=Mail(
            smarthost=stands.smtp_address,
            sender="vital@localhost",
            recipient="operators@localhost",
            require_tls=False,
        ),
    )
