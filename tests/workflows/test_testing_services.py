"""Services for tests are the test's own, whatever the environment names."""

from vital_shared.testing import workflow_services


async def test_the_environment_of_the_machine_brings_nothing_in(tmp_path, monkeypatch):
    config = tmp_path / "vital.toml"
    config.write_text('[agents]\nclerk = "no_such_module:clerk"\n')
    monkeypatch.setenv("VITAL_CONFIG", str(config))
    monkeypatch.setenv("VITAL_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("VITAL_SUPABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    async with workflow_services(tmp_path / "data") as services:
        assert services.settings.config is None
        assert list(services.sources)
