"""The engine serves workflow classes of a user's own, by name."""

import pytest
from tests.ai_engine.harness import asked
from tests.ai_engine.processes import running_server
from tests.ai_engine.supervisor.engine import running_engine

from ai_engine.served_classes import served_classes
from ai_engine.served_workflows import ServedWorkflows
from ai_engine.server import serve
from ai_engine.settings import ServerSettings
from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings
from vital_shared.testing import workflow_services

SOURCE = """
from abc import ABC, abstractmethod

from vital_shared import Answer, BaseWorkflow, Graph, Workflow, node


class Echo(BaseWorkflow):
    @node
    async def answer(self, question: str) -> Answer:
        return Answer(text=f"You said: {question}")


class LoudEcho(Echo):
    @node
    async def answer(self, question: str) -> Answer:
        return Answer(text=question.upper())


class Alone(Graph):
    @node
    async def one(self) -> int:
        return 1


class Empty(Workflow):
    pass


class Draft(Workflow, ABC):
    @node
    @abstractmethod
    async def answer(self, query: str) -> str: ...


class Needy(Echo):
    def __init__(self, services, region):
        super().__init__(services)


class Greeter(Echo):
    def __init__(self):
        super().__init__()
        self.greeting = "Welcome"

    @node
    async def answer(self, question: str) -> Answer:
        return Answer(text=self.greeting)


class Unlicensed(Echo):
    def __init__(self, services=None):
        raise RuntimeError("no licence")


class Prüfung(Echo):
    pass


word = 1
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "echo.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.thorough
async def test_a_class_whose_init_takes_nothing_is_served(tmp_path, file) -> None:
    async with running_server(tmp_path, VITAL_WORKFLOW=f"{file}:Greeter") as (_, client):
        answer = await client.post("/v1/runs", json=asked("Hello!", model=None))
        assert answer.json()["response"] == "Welcome"


def test_a_class_that_cannot_be_made_is_named_in_one_sentence(tmp_path, file) -> None:
    expected = r'^The workflow "unlicensed" cannot be made \(RuntimeError: no licence\)\.$'
    with pytest.raises(ConfigurationError, match=expected):
        serve(ServerSettings(port=0, workflow=f"{file}:Unlicensed"), Settings(data_dir=tmp_path))


def names(tmp_path, workflow: str = "", toml: str = "") -> dict[str, str]:
    """The names that are served, with their classes'."""
    (tmp_path / "vital.toml").write_text(toml)
    served = served_classes(ServerSettings(workflow=workflow), Settings(data_dir=tmp_path))
    return {name: each.__name__ for name, each in served.items()}


@pytest.mark.thorough
async def test_a_class_that_extends_the_built_in_one_and_is_alone_answers_in_its_place(
    tmp_path, file
) -> None:
    async with running_server(tmp_path, VITAL_WORKFLOW=f"{file}:Echo") as (_, client):
        for path in ("/v1/runs", "/v1/workflows/echo/runs"):
            answer = await client.post(path, json=asked("Hello!", model=None))
            assert answer.json()["response"] == "You said: Hello!"


async def test_several_classes_answer_at_every_worker(tmp_path, file) -> None:
    (tmp_path / "vital.toml").write_text(f'[workflows]\nloud = "{file}:LoudEcho"\n')
    async with running_engine(tmp_path, VITAL_WORKFLOW=f"{file}:Echo") as engine:
        workers = set()
        while len(workers) < 2:
            async with engine.client() as client:
                quiet = await client.post("/v1/workflows/echo/runs", json=asked("Hello!", model=None))
                loud = await client.post("/v1/workflows/loud/runs", json=asked("Hello!", model=None))
            assert quiet.json()["response"] == "You said: Hello!"
            assert loud.json()["response"] == "HELLO!"
            line = await engine.logged("request", request_id=quiet.headers["x-request-id"])
            workers.add(line["worker"])


def test_workflows_come_from_the_variable_and_from_the_configuration(tmp_path, file) -> None:
    toml = f'[workflows]\nreport = "{file}:Echo"\n'
    both = names(tmp_path, f"{file}:LoudEcho, shout={file}:Greeter, report={file}:Echo", toml)
    assert both == {
        "base-workflow": "BaseWorkflow",
        "report": "Echo",
        "loud-echo": "LoudEcho",
        "shout": "Greeter",
    }


def test_a_class_has_one_name(tmp_path, file) -> None:
    with pytest.raises(ConfigurationError, match='Echo is served twice, as "echo" and as "other": leave one'):
        names(tmp_path, f"{file}:Echo,other={file}:Echo")


def test_the_built_in_workflow_can_be_given_another_name(tmp_path, file) -> None:
    assert list(names(tmp_path, f"{file}:Echo,questions=vital_shared:BaseWorkflow")) == ["questions", "echo"]


def test_two_files_of_one_name_are_two_modules(tmp_path, file) -> None:
    """A run is stored with the place of its class, by which it is resumed."""
    other = tmp_path / "other" / "echo.py"
    other.parent.mkdir()
    other.write_text(SOURCE)
    setting = ServerSettings(workflow=f"{file}:Echo,second={other}:Echo")
    served = served_classes(setting, Settings(data_dir=tmp_path))
    assert served["echo"].__module__ != served["second"].__module__


def test_the_one_that_is_called_default_takes_the_place_of_the_built_in_one(tmp_path, file) -> None:
    assert list(names(tmp_path, f"{file}:LoudEcho,default={file}:Echo").items()) == [
        ("default", "Echo"),
        ("loud-echo", "LoudEcho"),
    ]


def test_without_a_name_the_built_in_workflow_answers(tmp_path) -> None:
    served = served_classes(ServerSettings(workflow=""), Settings(data_dir=tmp_path))
    assert served == {"base-workflow": BaseWorkflow}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Missing", "does not exist: check its name"),
        ("word", "is not a workflow"),
        ("Alone", "cannot be served: name a subclass of vital_shared.Workflow"),
        ("Empty", "cannot be served: it has no nodes, so put @node above its methods"),
        ("Draft", "cannot be served: it is abstract, and lacks answer: name a subclass"),
        ("Needy", "cannot be served: its __init__ needs region; it may take services alone"),
        ("Prüfung", '"prüfung" cannot name a workflow: it has to be 1 to 64 lower-case letters'),
    ],
)
def test_a_class_that_cannot_be_served_is_refused_at_the_start(
    tmp_path, file, name: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^VITAL_WORKFLOW: .*{problem}"):
        serve(ServerSettings(port=0, workflow=f"{file}:{name}"), Settings(data_dir=tmp_path))


def test_two_classes_of_one_name_are_refused_at_the_start(tmp_path, file) -> None:
    expected = '^VITAL_WORKFLOW: two workflows are called "echo", .*:LoudEcho and .*:Echo: give one of them'
    with pytest.raises(ConfigurationError, match=expected):
        names(tmp_path, f"echo={file}:LoudEcho,{file}:Echo")


def test_a_place_in_the_configuration_is_named(tmp_path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^\[workflows\] in .*vital.toml: no_such_module_here cannot"
    ):
        names(tmp_path, toml='[workflows]\nreport = "no_such_module_here:Echo"\n')


@pytest.mark.parametrize("target", ["no_such_module_here:Echo", "echo.py", "nowhere/echo.py:Echo"])
def test_a_module_that_cannot_be_imported_is_named(tmp_path, target: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^VITAL_WORKFLOW: {target.partition(':')[0]}"):
        names(tmp_path, target)


async def test_the_configuration_says_which_workflows_are_durable(tmp_path, file) -> None:
    toml = (
        f'[workflows]\nplain = "{file}:Echo"\nlasting = {{ class = "{file}:LoudEcho", durable = "nodes" }}\n'
    )
    (tmp_path / "vital.toml").write_text(toml)
    async with workflow_services(tmp_path, config=tmp_path / "vital.toml") as services:
        classes = served_classes(ServerSettings(), services.settings)
        served = ServedWorkflows.create(classes, services)
    assert served.named("plain").workflow.durable == "pauses"
    assert served.named("lasting").workflow.durable == "nodes"
    assert type(served.named("lasting").workflow).durable == "pauses"


def test_a_durability_that_there_is_not_is_refused(tmp_path, file) -> None:
    toml = f'[workflows]\nlasting = {{ class = "{file}:Echo", durable = "always" }}\n'
    with pytest.raises(ConfigurationError, match=r'wrong at "workflows.lasting.durable".*nodes'):
        names(tmp_path, toml=toml)
