"""What the guide says holds."""

import json
import re
import tomllib
from pathlib import Path

import pytest

import vital_shared
from vital_ops.config import DEFAULT_CONFIG, load_config
from vital_shared.llm.configuration import Configuration
from vital_shared.llm.providers import BUILT_IN
from vital_shared.models.agent import AgentProfile
from vital_shared.models.tool import ToolCall
from vital_shared.testing import counted
from vital_shared.tools.base import ToolContext
from vital_shared.tools.registry import ToolRegistry
from vital_shared.workflows import answering
from vital_shared.workflows.evaluation.questions import read_questions

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")


OTHER_FILES = ("[High", "[project")
"""Tables of TOML that is none of the configuration's."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


async def test_a_tool_of_ones_own_takes_ten_lines_and_has_typed_arguments():
    (code,) = (block for block in blocks("python") if "@tool" in block)
    assert len(code.splitlines()) <= 10
    names: dict[str, object] = {}
    exec(code, names)
    tools, context = ToolRegistry([names["body_mass_index"]]), ToolContext(tenant_id="acme", run_id="run_1")

    async def call(**arguments):
        call = ToolCall(
            id="c", name="body_mass_index", arguments=arguments, reason="", requires_approval=False
        )
        return await tools.run(call, context)

    assert (await call(kilograms=70, metres=1.7)).content == "24.2"
    wrong = await call(kilograms="heavy", metres=1.7)
    assert (wrong.status, 'argument "kilograms"' in wrong.error) == ("failed", True)


@pytest.mark.parametrize(
    "text", [each for each in blocks("toml") if not any(table in each for table in OTHER_FILES)]
)
def test_the_configurations_are_right(text):
    written = tomllib.loads(text)
    assert Configuration.model_validate(written).model_fields_set == set(written)


@pytest.mark.parametrize("text", [text for text in blocks("toml") if "[High" in text])
def test_the_thresholds_are_right(text, tmp_path):
    (tmp_path / "thresholds.toml").write_text(text)
    assert load_config(tmp_path / "thresholds.toml") != DEFAULT_CONFIG


@pytest.mark.parametrize("text", [text for text in blocks("json") if "answerable" in text])
def test_the_questions_with_known_answers_can_be_read(text, tmp_path):
    (tmp_path / "questions.json").write_text(text)
    assert [question.answerable for question in read_questions(tmp_path / "questions.json")][-1] is False


@pytest.mark.parametrize("text", [text for text in blocks("json") if "fallbacks" in text])
def test_the_profiles_are_right(text):
    written = '{"id": "a", "name": "A", "system_prompt": "Be brief.", ' + text[1:]
    assert AgentProfile.model_validate_json(written).model_fields_set == set(json.loads(written))


def test_a_call_counts_by_hand_as_it_is_shown():
    (code,) = (block for block in blocks("python") if "import track_llm_call" in block)
    with counted() as growth:
        exec(code, {})
    assert growth("vital_llm_calls_total", mode="1", model="gpt-4") == 1


def test_every_call_that_counts_by_hand_is_named():
    for name in vital_shared.__all__:
        assert not name.startswith("track_") or f"`{name}`" in GUIDE or f"{name}(" in GUIDE


def test_every_variable_that_a_known_provider_needs_is_named():
    for known in BUILT_IN.values():
        for name in known.key_env[:1]:
            assert f"`{name}`" in GUIDE


def test_the_bounds_of_the_tool_loop_are_those_that_the_guide_gives():
    assert (answering.MAX_TOOL_ROUNDS, answering.MAX_LOOP_SECONDS, answering.DEFAULT_MAX_COST_DOLLARS) == (
        5,
        60,
        1,
    )
    assert "five rounds, 60 seconds and one dollar" in " ".join(GUIDE.split())
