"""The page about routes: its configuration is loaded, and its routes resolved."""

from __future__ import annotations

import re
from pathlib import Path

from vital_shared.llm.configuration import load_configuration
from vital_shared.llm.providers import Providers
from vital_shared.llm.registry import ModelRegistry
from vital_shared.testing import CannedModel

PAGE = (Path(__file__).parents[1] / "docs" / "routing.md").read_text(encoding="utf-8")

KEYS = ("OPENAI_API_KEY", "OPENAI_EU_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY")


def test_the_routes_of_the_page_have_all_of_their_deployments(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "vital.toml"
    path.write_text(example, encoding="utf-8")
    configuration = load_configuration(path)
    providers = Providers(configuration, dict.fromkeys(KEYS, "key"))
    models = ModelRegistry([CannedModel()], providers=providers, configuration=configuration)
    found = {name: {model.name for model in models.chain(name)} for name in configuration.routes}
    smart = {"openai:gpt-4o", "openai-eu:gpt-4o", "azure:our-gpt", "anthropic:claude-sonnet-4-5"}
    assert found == {"smart": smart, "steady": smart, "newest": {"openai:gpt-5", "openai:gpt-5.1"}}
