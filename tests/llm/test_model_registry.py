"""Which models there are, and what is said of those that are not."""

import pytest
from tests.llm.wires.conftest import text
from tests.llm.wires.servers import openai
from tests.llm.wires.servers.base import serve

from vital_shared.errors import ConfigurationError, NotFound
from vital_shared.llm import registry as module
from vital_shared.llm.base import CallStarted, ModelRequest
from vital_shared.llm.configuration import Configuration, ModelTable, ProviderTable
from vital_shared.llm.guarded import accounted
from vital_shared.llm.providers import BUILT_IN, Providers
from vital_shared.llm.registry import ModelRegistry
from vital_shared.testing import CannedModel

KEY = "sk-very-secret"


def registry(environ=None, **tables):
    configuration = Configuration(**tables)
    providers = Providers(configuration, environ or {})
    return ModelRegistry([CannedModel()], providers=providers, configuration=configuration)


def test_what_was_given_goes_before_and_the_last_stands_by():
    first, last = CannedModel(name="first"), CannedModel(name="last")
    models = ModelRegistry([first, last])
    assert (models.get("first").model, models.last.model) == (first, last)
    assert (models.get("last"), models.names) == (models.last, ("first", "last"))


@pytest.mark.parametrize("models", [[], [CannedModel(), CannedModel()]])
def test_no_model_and_two_of_one_name_are_errors(models):
    with pytest.raises(ConfigurationError):
        ModelRegistry(models)


@pytest.mark.parametrize(
    "name", [name for name, known in BUILT_IN.items() if known.base_url and known.key_env]
)
def test_a_built_in_provider_needs_its_key_and_nothing_else(name):
    variable = BUILT_IN[name].key_env[0]
    assert registry({variable: KEY}).get(f"{name}:some/model").name == f"{name}:some/model"
    with pytest.raises(NotFound, match=f"set {variable} in the environment"):
        registry().get(f"{name}:some/model")


def test_a_machine_of_ones_own_needs_no_key():
    assert registry().get("ollama:llama3").name == "ollama:llama3"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "There is no model"),
        ("openai:", "There is no model"),
        ("opena:gpt", 'did you mean "openai:…"'),
        ("zzz:gpt", "the providers are: openai"),
        ("vllm:x", "address"),
        ("azure:x", "address"),
    ],
)
def test_what_is_missing_is_said(name, said):
    with pytest.raises(NotFound, match=said) as caught:
        registry().get(name)
    assert caught.value.field == "model"


def test_a_key_does_not_go_over_a_foreign_network_in_the_clear():
    table = ProviderTable(wire="openai", base_url="http://models.example.org/v1", key_env="K")
    with pytest.raises(ConfigurationError, match="use https") as caught:
        registry({"K": KEY}, providers={"x": table}).get("x:y")
    assert KEY not in str(caught.value)
    for address in (
        "http://10.0.0.5/v1",
        "http://localhost:1/v1",
        "http://vllm:8000/v1",
        "https://a.example.org",
    ):
        near = ProviderTable(wire="openai", base_url=address, key_env="K")
        assert registry({"K": KEY}, providers={"x": near}).get("x:y")


def test_what_has_no_wire_goes_through_pydantic_ai_where_the_configuration_says_so(monkeypatch):
    monkeypatch.setenv("COHERE_API_KEY", "k")
    with pytest.raises(ConfigurationError, match="cohere"):  # its own package is not installed here
        registry(providers={"cohere": ProviderTable(wire="pydantic-ai")}).get("cohere:command")
    with pytest.raises(NotFound):
        registry().get("cohere:command")


def test_the_status_states_the_variable_and_not_the_key():
    models = registry({"OPENAI_API_KEY": KEY})
    models.get("openai:gpt")
    reported = {each.name: each for each in models.providers.status()}
    assert reported["openai"].ready
    assert not reported["anthropic"].ready
    assert KEY not in repr(
        (models.providers.status(), models.providers.opened, vars(models.providers.opened[0]))
    )


def test_names_of_users_are_remembered_within_bounds(monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_MODELS", 3)
    models = registry()
    for number in range(10):
        models.get(f"ollama:m{number}")
    assert len(models._asked) == 3
    assert len(models.providers.opened) == 1


async def test_the_models_of_a_provider_share_its_connections():
    async with serve(openai.stream(openai.TEXT)) as server:
        models = registry(providers={"mine": ProviderTable(wire="openai", base_url=server.url)})
        for name in ("mine:a", "mine:b"):
            assert text([event async for event in models.get(name).model.stream(ModelRequest(question="?"))])
        await models.aclose()
    assert len({request.peer for request in server.requests}) == 1


async def test_a_model_of_the_configuration_is_asked_as_it_says():
    async with serve(openai.stream(openai.TEXT)) as server:
        models = registry(
            {"K": KEY},
            providers={"mine": ProviderTable(wire="openai", base_url=server.url, key_env="K")},
            models={"mine:m": ModelTable(max_output_tokens=77, temperature=0.5, options={"top_k": 3})},
        )
        with accounted():
            answer = models.get("mine:m").stream(ModelRequest(question="How long?"))
        events = [event async for event in answer]
        await models.aclose()
    body = server.requests[0].body
    assert (body["model"], body["max_tokens"], body["temperature"], body["top_k"]) == ("m", 77, 0.5, 3)
    assert text(events) == openai.SAID
    assert isinstance(events[0], CallStarted)
