"""What Prometheus and Alertmanager need beside an engine in another container."""

import asyncio
import stat
import subprocess
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from vital_ops.config import OpsConfig
from vital_ops.stack.notification_settings import NotificationSettings
from vital_ops.stack.programs import AMTOOL, find_program
from vital_ops.stack.setting_up import set_up
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore

NOTIFICATIONS = NotificationSettings(
    slack_webhook_url=SecretStr("https://hooks.slack.com/services/T/B/hush"),
    dead_mans_switch_url=SecretStr("https://hc-ping.com/quiet"),
)


@pytest.fixture
async def keys(tmp_path):
    database = Database(Settings(data_dir=tmp_path, database_url="").url)
    yield KeyStore(database)
    await database.aclose()


async def made(tmp_path) -> bool:
    folder = tmp_path / "watch"
    folder.mkdir(exist_ok=True)
    url = Settings(data_dir=tmp_path, database_url="").url
    return await set_up(folder, url, NOTIFICATIONS, "http://ai-engine:8000/")


async def test_it_makes_a_key_that_works_and_keeps_it(tmp_path, keys):
    file = tmp_path / "watch" / "engine.key"
    assert await made(tmp_path) is True
    text = file.read_text()
    key = await keys.verify(text, now=datetime.now(UTC))
    assert (key.tenant_id, key.scopes) == (None, ("costs",))
    assert await made(tmp_path) is False
    assert file.read_text() == text


async def test_a_key_that_was_revoked_is_replaced(tmp_path, keys):
    await made(tmp_path)
    (old,) = await keys.list()
    await keys.revoke(old.id, now=datetime.now(UTC))
    assert await made(tmp_path) is True
    assert await keys.verify((tmp_path / "watch" / "engine.key").read_text(), now=datetime.now(UTC))


async def test_alertmanager_takes_its_configuration_and_secrets_are_files(tmp_path):
    await made(tmp_path)
    folder = tmp_path / "watch"
    configuration = (folder / "alertmanager.yml").read_text()
    assert "http://ai-engine:8000/v1/alerts" in configuration
    assert "hush" not in configuration
    assert "url: https://hc-ping.com/quiet" in configuration, "Alertmanager 0.25 reads it from no file"
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir() if file.is_file()} == {0o600}
    command = [find_program(AMTOOL), "check-config", folder / "alertmanager.yml"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_the_rules_have_the_environment_and_the_addresses_of_the_configuration(tmp_path):
    folder = tmp_path / "watch"
    folder.mkdir()
    config = OpsConfig(environment="staging", grafana_url="https://grafana.example")
    url = Settings(data_dir=tmp_path, database_url="").url
    await set_up(folder, url, NOTIFICATIONS, "http://ai-engine:8000", config)
    written = (folder / "rules" / "alerts.yml").read_text()
    assert "environment: staging" in written
    assert "https://grafana.example/d/vital-cost" in written
