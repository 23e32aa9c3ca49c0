"""A runbook for each alert, whose queries and commands work."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from vital_cli.main import app
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards, panel_links
from vital_ops.lint.lint import all_known, lint_query
from vital_ops.rules.files import slo_rules
from vital_ops.rules.groups import EVERY_ALERT, recordings
from vital_ops.rules.slos import OBJECTIVES, SPEEDS, WATCHDOG, slo_recordings
from vital_ops.runbooks import runbook_files

RUNBOOKS = Path(__file__).parents[2] / "docs/runbooks"
NAMES = [
    *dict.fromkeys(alert.name for alert in EVERY_ALERT),
    *(rule.name for rule in slo_rules(DEFAULT_CONFIG)),
    WATCHDOG,
]
SECTIONS = [
    "What users notice",
    "What to look at first",
    "Causes, the likeliest first",
    "What to do",
    "How to see that it is over",
]
KNOWN = all_known([*recordings(DEFAULT_CONFIG.thresholds), *slo_recordings()])
BOARDS = {board.uid: board for board in boards(DEFAULT_CONFIG)}
LINKS = panel_links(DEFAULT_CONFIG)
OWN_PANELS = {alert.name: (alert.dashboard, alert.panel) for alert in EVERY_ALERT} | {
    f"{objective.name}{speed.suffix}": (objective.dashboard, objective.panel)
    for objective in OBJECTIVES
    for speed in SPEEDS
}


def text(name: str) -> str:
    return (RUNBOOKS / f"{name}.md").read_text()


def blocks(name: str, language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text(name), flags=re.DOTALL | re.MULTILINE)
    return ["\n".join(line.strip() for line in block.splitlines()) for block in found]


def test_there_is_a_page_for_each_alert_and_no_other():
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_to_see_what_to_do_and_when_it_is_over(name):
    page = text(name)
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", page, flags=re.MULTILINE) == SECTIONS
    for number, section in enumerate(page.split("\n## ")[1:]):
        assert len(section) > len(SECTIONS[number]) + 10, section


@pytest.mark.parametrize("name", NAMES)
def test_its_queries_ask_for_what_there_is(name):
    for query in blocks(name, "promql"):
        assert lint_query(query, KNOWN)[1] == [], query
    assert blocks(name, "promql") or blocks(name, "sh")


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_somewhere(name):
    links = re.findall(r"\[([^\]]+)\]\((http[^)]+/d/[^)]+)\)", text(name))
    assert links
    for title, url in links:
        assert LINKS[title] == url
    for target in re.findall(r"\]\((\w+\.md)\)", text(name)):
        assert (RUNBOOKS / target).exists()


def test_the_build_gives_a_link_to_a_panel_its_address(monkeypatch, tmp_path):
    (tmp_path / "Some.md").write_text("See [Reliability: Engines up]() and [another](Other.md).")
    monkeypatch.setattr("vital_ops.runbooks.FOLDERS", (tmp_path,))
    address = LINKS["Reliability: Engines up"]
    assert runbook_files(DEFAULT_CONFIG) == {
        "Some.md": f"See [Reliability: Engines up]({address}) and [another](Other.md)."
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_names_panels_by_their_titles_and_none_by_its_place(name):
    assert not re.search(r"panel \d", text(name))
    for board in BOARDS.values():
        short = board.title.removeprefix("VITAL / ")
        for named in re.findall(rf"{short}: ([^\]\n]+)", text(name)):
            assert any(named.startswith(panel.title) for panel in board.all_panels), named


@pytest.mark.parametrize("name", sorted(OWN_PANELS))
def test_the_page_of_an_alert_links_to_the_alerts_own_panel(name):
    uid, key = OWN_PANELS[name]
    assert DEFAULT_CONFIG.panel(uid, BOARDS[uid].panel(key).id) in text(name)


def commands(name: str) -> list[list[str]]:
    """The words of the commands of ours that a runbook names."""
    written = [line for block in blocks(name, "sh") for line in block.splitlines()]
    written += re.findall(r"`(vital [^`]+)`", text(name))
    return [words[1:] for words in map(shlex.split, written) if words[0] == "vital"]


@pytest.mark.parametrize("name", [name for name in NAMES if commands(name)])
def test_its_commands_are_there(name):
    for words in commands(name):
        assert unknown_words(words) == set(), words


def unknown_words(words: list[str]) -> set[str]:
    """The command, or the options, that do not exist."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        if words[:1] == [] or words[0].startswith("--"):
            if command.invoke_without_command:
                break
            return {"a command"}
        if words[0] not in command.commands:
            return {words[0]}
        command, words = command.commands[words[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("--")} - options
