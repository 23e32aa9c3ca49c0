"""Where notifications go is read from the environment, and secrets are kept in files."""

import stat

import pytest
from pydantic import ValidationError

from vital_ops.stack.notification_settings import NotificationSettings
from vital_shared.errors import ConfigurationError

ALL = {
    "VITAL_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/secret",
    "VITAL_PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    "VITAL_DEAD_MANS_SWITCH_URL": "https://hc-ping.com/unknown-to-others",
    "VITAL_SMTP_HOST": "mail.example.org",
    "VITAL_SMTP_FROM": "vital@example.org",
    "VITAL_SMTP_TO": "ops@example.org",
    "VITAL_SMTP_USERNAME": "vital",
    "VITAL_SMTP_PASSWORD": "hush",
}


def settings(monkeypatch, **environment: str) -> NotificationSettings:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return NotificationSettings()


def destinations(chosen, folder):
    return chosen.destinations(folder, engine_url="http://127.0.0.1:8000/v1/alerts", engine_key_file=None)


def test_without_any_the_engine_alone_is_reported(monkeypatch, tmp_path):
    chosen = settings(monkeypatch, VITAL_SLACK_WEBHOOK_URL="")  # as Compose passes what is not set
    places = destinations(chosen, tmp_path)
    assert (places.slack_url_file, places.pagerduty_key_file, places.mail) == (None, None, None)
    assert chosen.places == {}
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_in_files_that_only_their_owner_reads(monkeypatch, tmp_path):
    chosen = settings(monkeypatch, **ALL)
    places = destinations(chosen, tmp_path)
    files = [places.slack_url_file, places.pagerduty_key_file, places.mail.password_file]
    assert [file.read_text() for file in files] == [
        "https://hooks.slack.com/services/T/B/secret",
        "0123456789abcdef0123456789abcdef",
        "hush",
    ]
    assert places.switch_url == "https://hc-ping.com/unknown-to-others", (
        "Alertmanager 0.25 reads it from no file"
    )
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    for secret in ("services/T", "0123456789", "hush", "hc-ping"):
        assert secret not in repr(chosen) + repr(places)
    assert (places.mail.smarthost, places.mail.username) == ("mail.example.org:587", "vital")
    assert chosen.places == {
        "slack": "Slack",
        "pagerduty": "PagerDuty",
        "email": "mail to ops@example.org",
    }


def test_a_secret_that_is_no_longer_set_is_gone(monkeypatch, tmp_path):
    destinations(settings(monkeypatch, **ALL), tmp_path)
    mail = {name: value for name, value in ALL.items() if name.startswith("VITAL_SMTP_")}
    destinations(settings(monkeypatch, **mail), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["smtp-password"]
    destinations(settings(monkeypatch), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_mail_server_alone_is_too_little(monkeypatch, tmp_path):
    chosen = settings(monkeypatch, VITAL_SMTP_HOST="mail.example.org", VITAL_SMTP_TO="ops@example.org")
    with pytest.raises(ConfigurationError, match="VITAL_SMTP_FROM"):
        destinations(chosen, tmp_path)


def test_a_port_is_a_port(monkeypatch):
    with pytest.raises(ValidationError, match="smtp_port"):
        settings(monkeypatch, VITAL_SMTP_PORT="70000")
