"""The destinations of notifications, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vital_ops.destinations import Destinations, Mail
from vital_ops.receivers.delivery import Place
from vital_ops.stack.secret_files import write_secret
from vital_shared.errors import ConfigurationError

__all__ = ["NotificationSettings"]


class NotificationSettings(BaseSettings):
    """Slack, PagerDuty and mail; every field is ``VITAL_<NAME>``. What is not set gets no notifications."""

    model_config = SettingsConfigDict(env_prefix="VITAL_", frozen=True, env_ignore_empty=True)

    slack_webhook_url: SecretStr | None = None
    """Address of an incoming webhook."""

    pagerduty_routing_key: SecretStr | None = None
    """The routing key of an integration of the Events API v2."""

    dead_mans_switch_url: SecretStr | None = None
    """Address that is called every minute or two while alerting works, such as of healthchecks.io."""

    smtp_host: str = ""
    """A mail server."""

    smtp_port: int = Field(default=587, ge=1, le=65_535)

    smtp_from: str = ""
    """The sender of mail; needed with a mail server."""

    smtp_to: str = ""
    """The recipients of mail, with commas between several; needed with a mail server."""

    smtp_username: str = ""

    smtp_password: SecretStr | None = None

    smtp_require_tls: bool = True
    """Whether mail is sent by STARTTLS alone; leave it so for all but a server on this machine."""

    @property
    def places(self) -> dict[Place, str]:
        """The configured places, with their names for the user."""
        names: dict[Place, str] = {
            "slack": "Slack",
            "pagerduty": "PagerDuty",
            "email": f"mail to {self.smtp_to}",
        }
        given = {
            "slack": self.slack_webhook_url,
            "pagerduty": self.pagerduty_routing_key,
            "email": self.smtp_host,
        }
        return {place: name for place, name in names.items() if given[place]}

    def destinations(self, folder: Path, *, engine_url: str, engine_key_file: Path | None) -> Destinations:
        """Write the secrets to files of a folder, and say where notifications go.

        :raises ConfigurationError: when a part is missing.
        """
        switch = self.dead_mans_switch_url
        return Destinations(
            engine_url=engine_url,
            engine_key_file=engine_key_file,
            slack_url_file=_written(folder / "slack-webhook-url", self.slack_webhook_url),
            pagerduty_key_file=_written(folder / "pagerduty-routing-key", self.pagerduty_routing_key),
            mail=self._mail(folder),
            switch_url=None if switch is None else switch.get_secret_value(),
        )

    def _mail(self, folder: Path) -> Mail | None:
        password_file = _written(folder / "smtp-password", self.smtp_password if self.smtp_host else None)
        if not self.smtp_host:
            return None
        if not (self.smtp_from and self.smtp_to):
            raise ConfigurationError(
                "VITAL_SMTP_HOST is set: set VITAL_SMTP_FROM, who sends mail, and VITAL_SMTP_TO, who gets it."
            )
        return Mail(
            smarthost=f"{self.smtp_host}:{self.smtp_port}",
            sender=self.smtp_from,
            recipient=self.smtp_to,
            username=self.smtp_username,
            password_file=password_file,
            require_tls=self.smtp_require_tls,
        )


def _written(path: Path, secret: SecretStr | None) -> Path | None:
    """Write a secret to a file; without one, no old one stays there."""
    if secret is None:
        path.unlink(missing_ok=True)
        return None
    return write_secret(path, secret.get_secret_value())
