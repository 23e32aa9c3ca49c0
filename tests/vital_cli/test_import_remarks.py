"""`vital import litellm` names every setting that it leaves out, and writes no secret."""

from __future__ import annotations

from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from vital_cli.litellm_import.conversion import convert
from vital_cli.litellm_import.imported import ImportedConfiguration
from vital_cli.litellm_import.plain_values import holds_secret


def entry(name: str = "x", info: Any = None, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"model_name": name, "litellm_params": {"model": "openai/gpt-4o"} | params}
    return found if info is None else found | {"model_info": info}


def one(info: Any = None, **params: Any) -> ImportedConfiguration:
    return convert({"model_list": [entry(info=info, **params)]}, {})


def places(result: ImportedConfiguration) -> list[str]:
    return [note.partition(": ")[0] for note in result.notes]


def test_variables_are_named_without_their_values() -> None:
    variables = {"OPENAI_API_KEY": "sk-SECRET", "PORT": 80}
    result = convert({"model_list": [entry()], "environment_variables": variables}, {})
    assert places(result) == ["environment_variables.OPENAI_API_KEY", "environment_variables.PORT"]
    assert "SECRET" not in "".join(result.notes)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_completion_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": "os.environ/TOP"}, "top_p"),
        ({"stop": [None]}, "stop"),
        ({"seed": 2**70}, "seed"),
        ({"extra_body": "x"}, "extra_body"),
        ({"extra_body": {"a": None}}, "extra_body.a"),
        ({"top_p": 0.5, "extra_body": {"top_p": 0.6}}, "extra_body.top_p"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": "often"}, "max_retries"),
        ({"max_retries": 50}, "max_retries"),
        ({"max_retries": 1, "num_retries": 2}, "num_retries"),
        ({"timeout": 0}, "timeout"),
        ({"api_version": "2024-08-01"}, "api_version"),
        ({"model": "azure/x", "api_version": "os.environ/V"}, "api_version"),
        ({"api_base": "https://a.example", "base_url": "https://b.example"}, "base_url"),
        ({"custom_llm_provider": 7}, "custom_llm_provider"),
        ({"organization": "org"}, "organization"),
    ],
)
def test_a_parameter_that_cannot_be_carried_over_is_named(params: dict[str, Any], place: str) -> None:
    assert f"model_list[0].litellm_params.{place}" in places(one(**params))


@pytest.mark.parametrize(
    ("info", "place"),
    [
        ("x", "model_info"),
        ({"max_input_tokens": 10}, "model_info.max_input_tokens"),
        ({"supports_vision": True}, "model_info.supports_vision"),
        ({"base_model": 7}, "model_info.base_model"),
        ({"base_model": "nobody/x"}, "model_info.base_model"),
        (
            {"input_cost_per_token_above_200k_tokens": 1e-6},
            "model_info.input_cost_per_token_above_200k_tokens",
        ),
    ],
)
def test_a_field_of_model_info_that_is_left_out_is_named(info: Any, place: str) -> None:
    assert f"model_list[0].{place}" in places(one(info))


def test_unknown_fields_of_an_entry_are_named() -> None:
    assert places(convert({"model_list": [entry() | {"tags": 1}]}, {})) == ["model_list[0].tags"]
    assert places(convert({}, {})) == ["model_list"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"input_cost_per_token": 1e-6}, "output_cost_per_token"),
        ({"output_cost_per_token": 1e-6}, "input_cost_per_token"),
        ({"cache_read_input_token_cost": 1e-7}, "output_cost_per_token and input_cost_per_token"),
    ],
)
def test_a_price_without_its_partner_is_named_with_it(given: dict[str, float], missing: str) -> None:
    (name,) = given
    result = one(**given)
    assert f"model_list[0].{name}: was left out: a price needs {missing} too" in result.notes
    assert result.models == {}


def test_prices_that_clash_or_are_too_fine_are_named() -> None:
    price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    clash = one({"input_cost_per_token": 3e-6, "base_model": "openai/gpt-4o"}, **price)
    assert places(clash) == [
        "model_list[0].model_info.input_cost_per_token",
        "model_list[0].model_info.base_model",
    ]
    assert clash.models["openai:gpt-4o"]["price"] == {"input": "1", "output": "2"}
    fine = one(input_cost_per_token="1e-17", output_cost_per_token=0)
    assert places(fine) == ["model_list[0].input_cost_per_token"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_deployment_with_two_settings_is_named(order: int) -> None:
    entries = [entry(temperature=0.5), entry("y")][::order]
    result = convert({"model_list": entries}, {})
    assert result.notes == ["model_list[1]: openai:gpt-4o has other settings further up, which hold"]
    assert result.models == ({"openai:gpt-4o": {"temperature": 0.5}} if order == 1 else {})


def test_weights_that_not_all_deployments_have_are_named() -> None:
    entries = [entry(weight=3), entry(model="openai/o3"), entry(model="openai/o4", weight=-1)]
    result = convert({"model_list": entries}, {})
    assert result.routes["x"]["deployments"] == {"openai:gpt-4o": 1, "openai:o3": 1, "openai:o4": 1}
    assert places(result) == ["model_list"]
    assert "weight of x" in result.notes[0]


SECRETS = ("sk-SECRET1234", "Bearer SECRET", "AIzaSECRET0000", "hf_SECRET99", "https://u:SECRET@host/")


@given(
    st.sampled_from(SECRETS),
    st.sampled_from(("extra_body", "extra_headers", "user", "stop", "api_base")),
    st.sampled_from(("metadata", "X-Thing", "nested")),
)
def test_a_value_in_the_form_of_a_secret_is_never_written(secret: str, field: str, name: str) -> None:
    whole = {"extra_body": {name: {"a": [secret]}}, "extra_headers": {name: secret}, "stop": [secret]}
    value = whole.get(field, f"https://host/{secret}/v1" if field == "api_base" else secret)
    result = one(**{field: value})
    assert "SECRET" not in tomli_w.dumps(result.tables) + "".join(result.notes)
    assert result.notes


@pytest.mark.parametrize(
    "name", ["api_key", "x-api-key", "Authorization", "password", "session_token", "key"]
)
def test_a_value_with_the_name_of_a_secret_is_never_written(name: str) -> None:
    result = one(extra_body={"outer": {name: "SECRET"}, "top_k": 4})
    assert "SECRET" not in tomli_w.dumps(result.tables) + "".join(result.notes)
    assert result.models["openai:gpt-4o"]["options"] == {"top_k": 4}
    assert places(result) == ["model_list[0].litellm_params.extra_body.outer"]


@pytest.mark.parametrize(
    "plain",
    [
        {"max_tokens": 5, "stop_token_ids": [1], "tokenizer": "auto"},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"guided_choice": ["risk-assessment", "task-management", "monkey"]},
    ],
)
def test_ordinary_settings_are_no_secrets(plain: dict[str, Any]) -> None:
    assert not holds_secret(plain)


def routed(**settings: Any) -> ImportedConfiguration:
    names = ("a", "b", "c")
    entries = [entry(name, model=f"openai/{name}") for name in names]
    return convert({"model_list": entries, "router_settings": settings}, {})


def test_default_fallbacks_are_of_groups_without_their_own() -> None:
    for settings in ({"default_fallbacks": ["c"]}, {"fallbacks": [{"*": ["c"]}]}):
        own = {"fallbacks": [{"a": ["b"]}, *settings.get("fallbacks", [])]}
        result = routed(**settings | own)
        assert {name: route.get("fallbacks") for name, route in result.routes.items()} == {
            "a": ["b"],
            "b": ["c"],
            "c": None,
        }
        assert result.notes == []


def test_an_alias_has_the_fallbacks_of_its_group() -> None:
    result = routed(model_group_alias={"z": "a"}, fallbacks=[{"a": ["b"]}])
    assert result.routes["z"]["fallbacks"] == ["b"]


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"fallbacks": "a"}, "fallbacks"),
        ({"fallbacks": ["a"]}, "fallbacks[0]"),
        ({"fallbacks": [{"a": [{"model": "b", "api_key": "k"}]}]}, "fallbacks.a.api_key"),
        ({"default_fallbacks": "c"}, "default_fallbacks"),
        ({"model_group_alias": ["a"]}, "model_group_alias"),
        ({"model_group_alias": {"b": "a"}}, "model_group_alias.b"),
        ({"model_group_alias": {"z": {"model": "a", "hidden": True}}}, "model_group_alias.z.hidden"),
    ],
)
def test_fallbacks_and_aliases_that_are_left_out_are_named(settings: dict[str, Any], place: str) -> None:
    assert places(routed(**settings)) == [f"router_settings.{place}"]
