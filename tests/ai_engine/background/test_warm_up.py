"""With the embedded models, the first question need not wait for them."""

import asyncio
import logging
import os
import shutil
import sys

import pytest
from tests.ai_engine.harness import serving

from ai_engine.background.warm_up import warm_up
from vital_shared.errors import ConfigurationError
from vital_shared.retrieval import language
from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings
from vital_shared.testing import workflow_services


@pytest.fixture(scope="session")
def installed_models():
    """The folder of the models, in the data directory of this machine; downloaded where they are missing."""
    models = Settings().models_path
    install(models)
    return models


async def test_models_are_loaded_and_documents_found_by_their_meaning(
    tmp_path, installed_models, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "models").symlink_to(installed_models)
    language._identifier.cache_clear()
    async with workflow_services(tmp_path) as services:
        with caplog.at_level(logging.INFO):
            await warm_up(services)
        assert "embedded_models_loaded" in caplog.text
        assert language._identifier.cache_info().currsize == 1
        async with serving(services) as service:
            assert (await service.client.get("/readyz")).json() == {"status": "ready", "missing": []}
            text = b"# Widgets\n\nIt takes six weeks until the authority has decided."
            await service.client.post("/v1/documents?filename=widgets.md", content=text)
            output = (await service.ask("How long does the authority need to decide?", model=None)).json()
    assert "six weeks" in output["response"]
    assert output["citations"][0]["uri"] == "widgets.md"
    assert output["degradation_reasons"] == []


async def test_without_models_there_is_nothing_to_load(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    async with workflow_services(tmp_path) as services:
        await warm_up(services)
    assert "warmed" not in caplog.text


LOADED = """
import asyncio, sys
from pathlib import Path
from ai_engine.background.warm_up import warm_up
from vital_shared.settings import Settings
from vital_shared.workflows.services import Services

async def main():
    services = await Services.open(Settings(data_dir=Path(sys.argv[1])))
    parts = {"aiohttp", "genai_prices.data"}
    before = parts & {*sys.modules}
    await warm_up(services)
    print(sorted(before), sorted(parts & {*sys.modules}))
    await services.aclose()

asyncio.run(main())
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("configured", "key", "loaded"), [(False, "", False), (True, "", True), (False, "sk-1", True)]
)
async def test_what_asks_and_prices_providers_is_loaded_where_there_are_any(
    tmp_path, configured, key, loaded
) -> None:
    if configured:
        (tmp_path / "vital.toml").write_text('[providers.up]\nbase_url = "http://127.0.0.1:9/v1"\n')
    names = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LOADED,
        str(tmp_path),
        env=names | ({"OPENAI_API_KEY": key} if key else {}),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.decode() == f"[] {['aiohttp', 'genai_prices.data'] if loaded else []}\n"


async def test_a_model_that_cannot_be_loaded_is_left_to_the_questions(
    tmp_path, installed_models, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(shutil.copytree, installed_models, tmp_path / "models")
    async with workflow_services(tmp_path) as services:

        async def broken(*_: object) -> None:
            raise ConfigurationError("The model cannot be loaded.")

        monkeypatch.setattr(type(services.embedder), "embed_query", broken)
        await warm_up(services)
    assert "embedded_models_warm_up_failed" in caplog.text
