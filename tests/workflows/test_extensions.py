"""Tools, sources, agents and workflows of one's own, from the configuration and from installed packages."""

import pytest
from structlog.testing import capture_logs
from tests.installed_package import install_package

from ai_engine.served_classes import served_classes
from ai_engine.settings import ServerSettings
from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings
from vital_shared.testing import CannedModel, question, workflow_services
from vital_shared.workflows.plugins import installed_plugins

SOURCE = '''
from vital_shared import BaseWorkflow, Workflow, node
from vital_shared.models.agent import AgentProfile
from vital_shared.testing import CannedSource, passage
from vital_shared.tools.base import tool


@tool(keywords=("invoice",))
async def invoice(number: int) -> str:
    """State of an invoice."""
    return f"Invoice {number} is paid."


@tool()
async def calculator(number: int) -> str:
    """Another tool of a name that is taken."""
    return "0"


handbook = CannedSource([passage("The office opens at nine.")], name="handbook")
taken = CannedSource([passage("Nothing.")], name="memory")
clerk = AgentProfile(id="clerk", name="Clerk", system_prompt="You keep the books.")


class Shout(Workflow):
    """Say it louder."""

    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Needy(Shout):
    def __init__(self, services, region):
        super().__init__(services)


def parts():
    return [invoice, handbook, clerk]


def broken():
    raise RuntimeError("no licence")


def leaving():
    raise SystemExit("no licence")
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "office.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with these entry points."""

    def installed(name, **plugins):
        folder = tmp_path / "site"
        install_package(folder, name, SOURCE, {key: f"{name}:{value}" for key, value in plugins.items()})
        monkeypatch.syspath_prepend(folder)
        installed_plugins.cache_clear()

    yield installed
    installed_plugins.cache_clear()


async def opened(tmp_path, toml=""):
    (tmp_path / "vital.toml").write_text(toml)
    async with workflow_services(tmp_path, models=[CannedModel("Yes.")]) as services:
        agents = await services.agents.list(tenant_id=None)
        return (
            services.tools.names,
            [source.name for source in services.sources],
            [agent.profile.id for agent in agents],
        )


async def test_the_configuration_names_tools_sources_and_agents(tmp_path, file) -> None:
    toml = f'[tools]\ninvoice = "{file}:invoice"\n[sources]\nhandbook = "{file}:handbook"\n'
    tools, sources, agents = await opened(tmp_path, f'{toml}[agents]\nclerk = "{file}:clerk"\n')
    assert "invoice" in tools
    assert sources == ["memory", "handbook"]
    assert "clerk" in agents


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[tools]\nbill = "{file}:invoice"', r'invoice is called "invoice": write invoice = "'),
        ('[tools]\nhandbook = "{file}:handbook"', "handbook is not a tool: move it to the table of its kind"),
        ('[tools]\nparts = "{file}:parts"', r"is not a workflow class, a tool \(put @tool\(\) above"),
        ('[tools]\ncalculator = "{file}:calculator"', 'Two tools are called "calculator"'),
        ('[sources]\nmemory = "{file}:taken"', 'Two sources are called "memory": rename your own'),
        ('[sources]\nx = "{file}:missing"', "missing does not exist: check its name"),
        (
            '[agents]\nx = "no_such_module:x"',
            r"^\[agents\] in .*vital.toml: no_such_module cannot be imported",
        ),
        ('[agents]\nx = "office"', "office names no object: write module:name, or file.py:name"),
    ],
)
async def test_what_the_configuration_names_wrongly_stops_the_start(tmp_path, file, table, said) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await opened(tmp_path, table.replace("{file}", str(file)))


async def test_an_installed_package_adds_its_parts(tmp_path, install) -> None:
    install("office_one", parts="parts", shout="Shout")
    tools, sources, agents = await opened(tmp_path)
    assert ("invoice" in tools, sources[-1], "clerk" in agents) == (True, "handbook", True)
    served = served_classes(ServerSettings(), Settings(data_dir=tmp_path))
    assert [*served] == ["base-workflow", "shout"]


async def test_a_tool_of_a_package_is_called(tmp_path, install) -> None:
    install("office_two", invoice="invoice")

    async with workflow_services(tmp_path, models=[CannedModel("Paid [1].")]) as services:
        asked = question(
            "Which state?",
            mode="2",
            model="canned",
            requested_tools=[{"name": "invoice", "arguments": {"number": 7}}],
        )
        output = await BaseWorkflow(services).execute_typed(asked)
    assert [result.content for result in output.tool_results] == ["Invoice 7 is paid."]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("broken", "RuntimeError: no licence"),
        ("leaving", "SystemExit: no licence"),
        ("missing", "AttributeError: "),
        ("SOURCE", "AttributeError: "),
        ("node", "is not a workflow class, a tool"),
    ],
)
async def test_a_broken_plugin_is_logged_and_left_out(tmp_path, install, target, error) -> None:
    install(f"office_{target.lower()}", wrong=target, invoice="invoice")
    with capture_logs() as logs:
        tools, _, _ = await opened(tmp_path)
    assert "invoice" in tools
    [line] = [each for each in logs if each["event"] == "plugin_left_out"]
    assert (line["name"], line["distribution"]) == ("wrong", f"office_{target.lower()}")
    assert error in line["error"]


async def test_the_first_plugin_of_a_name_counts_and_the_others_are_logged(tmp_path, install) -> None:
    kinds = {"invoice": "invoice", "handbook": "handbook", "clerk": "clerk", "shout": "Shout"}
    install("office_four", **kinds)
    install("office_five", **kinds)
    with capture_logs() as logs:
        tools, sources, agents = await opened(tmp_path)
        served = served_classes(ServerSettings(), Settings(data_dir=tmp_path))
    assert (tools.count("invoice"), sources.count("handbook"), agents.count("clerk")) == (1, 1, 1)
    assert [*served] == ["base-workflow", "shout"]
    left_out = [each["name"] for each in logs if each["event"] == "plugin_left_out"]
    assert sorted(left_out) == ["clerk", "handbook", "invoice", "shout"]


async def test_a_module_that_ends_the_process_stops_the_start_with_the_reason(tmp_path) -> None:
    path = tmp_path / "leaving.py"
    path.write_text("import sys\n\nsys.exit('no licence')\n")
    with pytest.raises(ConfigurationError, match=r"leaving.py cannot .* \(line 3: SystemExit: no licence\)"):
        served_classes(ServerSettings(workflow=f"{path}:Shout"), Settings(data_dir=tmp_path))


async def test_a_plugin_takes_no_name_from_another_part(tmp_path, install, file) -> None:
    install(
        "office_three", calculator="calculator", taken="taken", default="Shout", needy="Needy", echo="Shout"
    )
    with capture_logs() as logs:
        tools, sources, _ = await opened(tmp_path)
        served = served_classes(ServerSettings(workflow=f"echo={file}:Shout"), Settings(data_dir=tmp_path))
    assert (tools.count("calculator"), sources) == (1, ["memory"])
    assert [*served] == ["base-workflow", "echo"]
    assert served["echo"].__module__ != "office_three"
    left_out = {each["name"] for each in logs if each["event"] == "plugin_left_out"}
    assert left_out == {"calculator", "memory", "default", "needy", "echo"}
