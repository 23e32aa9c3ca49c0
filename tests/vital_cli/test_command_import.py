"""`vital import litellm`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vital_cli.litellm_import.conversion import convert, read_litellm
from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_shared.billing.pricing import Prices
from vital_shared.errors import ConfigurationError
from vital_shared.llm.configuration import Configuration
from vital_shared.llm.providers import Providers
from vital_shared.llm.registry import ModelRegistry
from vital_shared.models.model_call import Tokens
from vital_shared.testing import CannedModel

HERE = Path(__file__).parent / "litellm"


def imported(name: str, environ: dict[str, str] | None = None) -> tuple[ImportedConfiguration, Configuration]:
    result = convert(yaml.safe_load((HERE / name).read_text(encoding="utf-8")), environ or {})
    return result, loaded(result)


def loaded(result: ImportedConfiguration) -> Configuration:
    return Configuration.model_validate(tomllib.loads(tomli_w.dumps(result.tables)))


def chains(configuration: Configuration, *keys: str) -> dict[str, list[str]]:
    providers = Providers(configuration, dict.fromkeys(keys, "key"))
    models = ModelRegistry([CannedModel()], providers=providers, configuration=configuration)
    return {name: sorted(model.name for model in models.chain(name)) for name in configuration.routes}


def test_a_model_list_becomes_routes_to_built_in_providers() -> None:
    result, configuration = imported("simple.yaml")
    assert chains(configuration, "OPENAI_API_KEY", "ANTHROPIC_API_KEY") == {
        "gpt-4o": ["openai:gpt-4o"],
        "claude": ["anthropic:claude-sonnet-4-5"],
        "bare": ["openai:gpt-4.1-mini"],
    }
    assert result.providers == {}
    assert [note.partition(":")[0] for note in result.notes] == [
        "litellm_settings.drop_params",
        "litellm_settings.set_verbose",
        "general_settings.master_key",
    ]


def test_deployments_keep_their_addresses_keys_weights_fallbacks_and_prices() -> None:
    result, configuration = imported("balanced.yaml")
    europe, canada = "azure-my-endpoint-europe-berlin-001", "azure-my-endpoint-canada-berlin992"
    route = configuration.routes["gpt-4o"]
    assert route.deployments == {f"{europe}:gpt-4o-eu": 6, f"{canada}:gpt-4o-ca": 18}
    assert (route.strategy, route.fallbacks) == ("remaining", ("claude-fallback",))
    assert configuration.routes["gpt-4"].deployments == route.deployments
    assert configuration.providers[canada].key_env == "AZURE_API_KEY_CA"
    assert configuration.providers[canada].api_version == "2024-08-01-preview"
    found = chains(configuration, "AZURE_API_KEY_EU", "AZURE_API_KEY_CA", "ANTHROPIC_API_KEY")
    claude = next(name for name in found["claude-fallback"] if name.endswith(":claude-haiku-4-5"))
    assert found["gpt-4o"] == sorted((*route.deployments, claude))
    table = configuration.models[claude]
    assert (table.max_output_tokens, table.temperature, table.options) == (2_000, 0.2, {"top_p": 0.9})
    provider = configuration.providers[claude.partition(":")[0]]
    assert (provider.total_seconds, provider.first_token_seconds, provider.attempts) == (300, 60, 2)
    prices, tokens = Prices(price_name=configuration.price_name), Tokens(input=1_000, output=100)
    assert prices.cost(f"{canada}:gpt-4o-ca", tokens) == prices.cost("azure:gpt-4o", tokens) is not None
    assert prices.cost(claude, tokens) == prices.cost("anthropic:claude-haiku-4-5", tokens) is not None
    assert result.environment == {"VITAL_REDIS_URL": "redis://redis.internal:1992"}
    noted = "\n".join(result.notes)
    for place in (
        "alias.gone",
        "api_key: holds a key",
        "master_key",
        "redis_password",
        "num_retries",
        "alerting",
    ):
        assert place in noted


def test_servers_of_ones_own_and_providers_without_a_name_here_are_added() -> None:
    result, configuration = imported("own_servers.yaml")
    found = chains(configuration, "CUSTOM_KEY", "FIREWORKS_AI_API_KEY", "GROQ_API_KEY")
    llama = {"ollama-127-0-0-1:llama3.1", "vllm-gpu-1:meta-llama/Llama-3.1-8B"}
    assert set(found["llama"]) == llama
    assert found["custom"] == sorted({"openai-models:my-model", *llama})
    assert found["fast"] == sorted({"fireworks:accounts/fireworks/models/glm-5p1", *llama})
    assert set(configuration.routes) == {"llama", "custom", "fast", "tagged"}
    custom = configuration.models["openai-models:my-model"]
    assert custom.price is not None
    assert (str(custom.price.input), str(custom.price.output)) == ("1.5", "2")
    assert custom.context_tokens == 32_000
    assert result.environment["VITAL_CACHE_TTL_SECONDS"] == "600"
    noted = "\n".join(result.notes)
    for place in (
        'serves "embedding"',
        "is no name that a route can have",
        'provider of "bedrock/',
        "tags",
        "max_budget",
        "budget_duration",
    ):
        assert place in noted


@pytest.mark.parametrize("name", ["simple.yaml", "balanced.yaml", "own_servers.yaml"])
def test_no_secret_is_printed_and_the_file_can_be_loaded(vital, empty_dir, tmp_path, name: str) -> None:
    done = vital("import", "litellm", str(HERE / name))
    assert done.exit_code == 0, done.stderr
    assert "SECRET" not in done.stdout + done.stderr
    Configuration.model_validate(tomllib.loads(done.stdout))
    target = tmp_path / "vital.toml"
    assert vital("import", "litellm", str(HERE / name), "--output", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8") == done.stdout
    assert vital("import", "litellm", str(HERE / name), "--output", str(target)).exit_code == 2


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: !!python/object:os.system {}", "\0"])
def test_what_is_no_configuration_is_refused(vital, empty_dir, tmp_path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert vital("import", "litellm", str(path)).exit_code == 2


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ("os.environ/KEY", "gpt-4o", "openai/gpt-4o", "a:b", "*", "https://x.example/", "1e999")
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=6,
)
PARAMS = st.dictionaries(
    st.sampled_from(
        (
            "model",
            "api_key",
            "api_base",
            "weight",
            "rpm",
            "temperature",
            "max_tokens",
            "timeout",
            "top_p",
            "max_retries",
            "extra_headers",
            "extra_body",
            "input_cost_per_token",
            "output_cost_per_token",
            "custom_llm_provider",
            "api_version",
            "stop",
        )
    ),
    VALUES,
)
ENTRY = st.fixed_dictionaries(
    {
        "model_name": st.sampled_from(("gpt-4o", "claude", "x")) | VALUES,
        "litellm_params": (PARAMS.map(lambda params: {"model": "openai/gpt-4o"} | params)) | VALUES,
        "model_info": st.dictionaries(st.sampled_from(("mode", "base_model", "max_input_tokens")), VALUES)
        | VALUES,
    }
)
SETTINGS = st.dictionaries(
    st.sampled_from(("fallbacks", "default_fallbacks", "routing_strategy", "model_group_alias", "redis_host"))
    | st.text(max_size=5),
    st.just([{"gpt-4o": ["claude", "x"]}]) | VALUES,
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "model_list": st.lists(ENTRY, max_size=4) | VALUES,
        "router_settings": SETTINGS | VALUES,
        "litellm_settings": SETTINGS | VALUES,
        "general_settings": SETTINGS | VALUES,
        "environment_variables": VALUES,
        "other": VALUES,
    },
)


@pytest.mark.thorough
@given(FILES)
@settings(max_examples=300)
def test_any_file_gives_a_configuration_that_can_be_loaded(content: dict[str, Any]) -> None:
    result = convert(content, {"KEY": "secret"})
    configuration = loaded(result)
    assert set(configuration.routes) == set(result.routes)
    for section in ("general_settings", "other"):
        fields = content.get(section)
        for field in fields if isinstance(fields, dict) else ():
            assert any(note.startswith(f"{section}.{field}") for note in result.notes)


@given(st.sampled_from(("api_key", "organization", "aws_secret_access_key", "extra_headers")), st.data())
def test_a_key_within_the_file_is_never_written(field: str, data: st.DataObject) -> None:
    secret: Any = {"Authorization": "Bearer sk-SECRET"} if field == "extra_headers" else "sk-SECRET"
    model = data.draw(
        st.sampled_from(("openai/gpt-4o", "azure/x", "hosted_vllm/x", "bedrock/x", "perplexity/x"))
    )
    entry = {"model_name": "x", "litellm_params": {"model": model, field: secret}}
    result = convert({"model_list": [entry], "general_settings": {"master_key": "sk-SECRET"}}, {})
    assert "SECRET" not in tomli_w.dumps(result.tables) + "".join(result.notes)


@pytest.mark.parametrize(
    "address",
    [
        "https://user:SECRET@gpu.internal/v1",
        "https://gpu.internal/v1?key=SECRET",
        "gpu.internal",
        "os.environ/NOT_SET",
    ],
)
def test_a_server_without_a_usable_address_does_not_become_the_public_provider(address: str) -> None:
    entry = {"model_name": "own", "litellm_params": {"model": "openai/llama", "api_base": address}}
    result = convert({"model_list": [entry]}, {})
    assert result.routes == {}
    assert "SECRET" not in tomli_w.dumps(result.tables) + "".join(result.notes)
    assert "model_list[0]: has no address that can be used, and was left out" in result.notes


def test_a_key_that_is_named_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("litellm_settings:\n  drop_params: true\nlitellm_settings:\n  num_retries: 2\n")
    with pytest.raises(ConfigurationError, match=r'names "litellm_settings" twice .* line 3'):
        read_litellm(path)


def test_a_merged_table_may_name_a_key_that_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: &a\n  rpm: 1\nb:\n  <<: *a\n  rpm: 2\n")
    assert read_litellm(path)["b"] == {"rpm": 2}
