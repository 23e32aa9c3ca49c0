"""The file of configuration, and what is wrong with one."""

from decimal import Decimal
from pathlib import Path

import pytest

from vital_shared.errors import ConfigurationError
from vital_shared.llm.configuration import Configuration, load_configuration

EXAMPLE = Path(__file__).parents[2] / "examples" / "vital.toml"


@pytest.fixture
def load(tmp_path):
    def loaded(text):
        path = tmp_path / "vital.toml"
        path.write_text(text)
        return load_configuration(path)

    return loaded


def test_without_a_file_there_is_nothing_to_say():
    assert load_configuration(None) == Configuration()


def test_the_example_is_right():
    configuration = load_configuration(EXAMPLE)
    assert configuration.providers["inhouse"].wire == "openai"
    assert configuration.models["openai:gpt-4.1-mini"].context_tokens == 128_000
    assert configuration.models["inhouse:qwen3-32b"].price.input == Decimal("0.05")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[providers.x", "is not TOML"),
        ('[providers.x]\nwire = "telegraph"', r'wrong at "providers\.x\.wire"'),
        (
            '[providers.x]\nbase_ur = "https://x"',
            r'wrong at "providers\.x\.base_ur".*did you mean "base_url"',
        ),
        ('[providers.x]\nbase_url = "ftp://x"', r'wrong at "providers\.x\.base_url"'),
        ("[provider.x]\n", r'wrong at "provider".*did you mean "providers"'),
        ('[models."a:b"]\ncontext_tokens = 5', r"context_tokens"),
        ('[models."a:b"]\nprice = {input = -1, output = 2}', r"price\.input"),
        ('[models."a:b"]\nprise = {}', 'did you mean "price"'),
        ("[providers.x]\nattempts = 0", r"attempts"),
        ('[mcp.x]\ncomand = "x"', r'wrong at "mcp\.x\.comand".*did you mean "command"'),
        ("[mcp.x]\nargs = []", r'wrong at "mcp\.x".*either a command or a url'),
        ("[retention]\nrun = 1", r'wrong at "retention\.run".*did you mean "runs"\?$'),
        ('[retention]\nlogs = "1d"', r"may have runs, conversations, documents, dead_letters, tenants\.$"),
        ('[retention.tenants.acme]\nrun = "1d"', r'"retention\.tenants\.acme\.run".*did you mean "runs"\?$'),
        ('[retention]\nruns = "400"', r'"retention\.runs": it has to be a number of days'),
        ('[models."a:b"]\nprice = {inputs = "1", output = 2}', r'price\.inputs".*did you mean "input"\?$'),
        ('[workflows]\na = {class = "m:A", durabel = "nodes"}', r'a\.durabel".*did you mean "durable"\?$'),
        ('[workflows]\na = {target = "m:A"}', r'a\.target".*it may have class, durable\.$'),
        ('[routes."a:b"]\ndeployments = {"x:y" = 1}', r'is wrong: the route "a:b" needs a name'),
        ('[mcp.x]\ntoken = "y"', r'"token" at "mcp\.x": keys belong in the environment'),
    ],
)
def test_each_mistake_is_reported_with_its_place(load, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load(text)
    assert "vital.toml" in str(caught.value)


@pytest.mark.parametrize("field", ["key", "api_key", "token", "secret", "password"])
def test_a_key_in_the_file_is_refused_and_not_repeated(load, field):
    with pytest.raises(ConfigurationError, match="keys belong in the environment") as caught:
        load(f'[providers.x]\n{field} = "sk-secret"')
    assert "sk-secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path / "none.toml")


def test_a_file_that_begins_with_a_byte_order_mark_is_read(load):
    assert load('\ufeff[providers.x]\nwire = "openai"\nbase_url = "http://x"').providers["x"].wire == "openai"


def test_a_file_that_is_nested_without_end_is_refused(load):
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        load("a = " + "[" * 5_000 + "]" * 5_000)
