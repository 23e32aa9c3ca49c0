"""The pages for contributors: what they name is there, and what they order works."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from tests.vital_ops.test_runbooks import unknown_words

from ai_engine.settings import ServerSettings
from vital_shared.settings import Settings
from vital_shared.version import __version__

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
RECIPES = (
    "A provider that speaks OpenAI's protocol",
    "A wire: a protocol of its own",
    "A metric, its panel and its alert",
    "A source of passages",
    "A tool",
    "An HTTP route",
    "A command of the CLI",
    "A rule of the cache",
    "A workflow, or a node of it",
    "A price",
    "A column",
)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    return re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text(page), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def sections(page: str, heading: str) -> dict[str, str]:
    parts = re.split(rf"^{heading} (.+)$", text(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def source_of(module: Path) -> str:
    return module.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_finds_in_a_file_is_in_it(page):
    for name, path in re.findall(r"`(\w+)` in\s+`([\w/.-]+\.py)`", prose(page)):
        assert re.search(rf"\b{name}\b", source_of(ROOT / path)), (name, path)


@pytest.mark.parametrize("page", PAGES)
def test_classes_and_constants_that_a_page_names_are_in_the_source(page):
    source = "\n".join(map(source_of, sorted((ROOT / "src").rglob("*.py"))))
    named = {name for name in re.findall(r"`([A-Z]\w+)`", prose(page)) if not name.startswith("VITAL_")}
    assert {name for name in named if not re.search(rf"\b{name}\b", source)} == set()


@pytest.mark.parametrize("page", PAGES)
def test_the_variables_that_a_page_names_are_settings(page):
    fields = {*Settings.model_fields, *ServerSettings.model_fields}
    named = re.findall(r"`VITAL_(\w+)`", prose(page))
    assert {name.lower() for name in named} <= fields


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_are_there(page):
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), flags=re.MULTILINE))
    inline = re.findall(r"`((?:make|vital) [^`]+)`", prose(page))
    for line in commands(page) + inline:
        program, *words = shlex.split(line.removesuffix(" --version"))
        match program.removeprefix(".venv/bin/"):
            case "make":
                assert words[0] in targets, line
            case "vital" if words:
                assert unknown_words(words) == set(), words
            case "pytest":
                paths = [ROOT / word for word in words if word.startswith("tests")]
                assert paths, line
                assert all(path.exists() for path in paths), line
            case "python":
                assert importlib.util.find_spec(words[words.index("-m") + 1]), line
            case "vital" | "pip" | "docker":
                pass
            case other:
                pytest.fail(f"{page}: nobody knows {other}")


def test_there_is_a_recipe_for_each_typical_change_with_files_and_tests():
    recipes = sections("CONTRIBUTING.md", "###")
    assert tuple(recipes) == RECIPES
    for name, recipe in recipes.items():
        assert re.findall(r"^\d\. `[\w/.<>-]+`", recipe, flags=re.MULTILINE), name
        assert ".venv/bin/pytest tests/" in recipe, name


def test_a_metric_its_panel_and_its_alert_take_five_places_at_most():
    recipe = sections("CONTRIBUTING.md", "###")["A metric, its panel and its alert"]
    assert len(re.findall(r"^\d\. ", recipe, flags=re.MULTILINE)) <= 5


def test_a_request_flows_through_six_stations():
    flow = sections("CONTRIBUTING.md", "##")["How a request flows"]
    stations = re.findall(r"^\d\. \*\*.*?(?=^\d\. |\Z)", flow, flags=re.MULTILINE | re.DOTALL)
    assert len(stations) == 6
    assert all(re.search(r"`src/[\w/]+\.py`", station) for station in stations)


def test_the_map_has_every_layer_in_the_order_of_the_imports():
    (picture,) = re.findall(r"```mermaid\n(.*?)```", text("CONTRIBUTING.md"), flags=re.DOTALL)
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    layers = [each.strip("() ") for line in contract["layers"] for each in line.split("|")]
    names = [layer.rpartition(".")[2] for layer in layers]
    places = [re.search(rf"\b{name}\[", picture) or re.search(rf"\b{name}\b", picture) for name in names]
    below = {layer: place.start() for layer, place in zip(layers, places, strict=True) if place}
    assert {layer.rpartition(".")[2] for layer in layers if layer not in below} <= {
        "breaker",
        "deadline",
        "events",
        "hedge_budget",
        "http",
    }
    inner = [below[layer] for layer in layers if layer in below and layer.startswith("vital_shared.")]
    assert inner == sorted(inner)


def test_the_changelog_lists_versions_newest_first_and_kinds_of_changes():
    versions = [*sections("CHANGELOG.md", "##")]
    assert versions[0] == "[Unreleased]"
    dates = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", version) for version in versions[1:]]
    assert all(dates)
    assert [each[2] for each in dates] == sorted((each[2] for each in dates), reverse=True)
    assert set(sections("CHANGELOG.md", "###")) <= CHANGES


def test_the_version_that_gets_fixes_is_the_one_that_is_built():
    major, minor, _ = __version__.split(".")
    assert f"({major}.{minor})" in sections("SECURITY.md", "##")["Supported versions"]
