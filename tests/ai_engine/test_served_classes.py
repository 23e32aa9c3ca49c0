"""The engine serves a workflow class of a user's own."""

import pytest
from tests.ai_engine.harness import asked
from tests.ai_engine.processes import running_server
from tests.ai_engine.supervisor.engine import running_engine

from ai_engine.served_workflow import served_workflow
from ai_engine.server import serve
from ai_engine.settings import ServerSettings
from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings

SOURCE = """
from vital_shared import Answer, BaseWorkflow, Graph, node


class Echo(BaseWorkflow):
    @node
    async def answer(self, question: str) -> Answer:
        return Answer(text=f"You said: {question}")


class Alone(Graph):
    @node
    async def one(self) -> int:
        return 1


word = 1
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "echo.py"
    path.write_text(SOURCE)
    return path


async def test_a_class_of_ones_own_answers_in_one_process(tmp_path, file) -> None:
    async with running_server(tmp_path, VITAL_WORKFLOW=f"{file}:Echo") as (_, client):
        answer = await client.post("/v1/runs", json=asked("Hello!", model=None))
        assert answer.json()["response"] == "You said: Hello!"


async def test_a_class_of_ones_own_answers_at_every_worker(tmp_path, file) -> None:
    async with running_engine(tmp_path, VITAL_WORKFLOW=f"{file}:Echo") as engine:
        workers = set()
        while len(workers) < 2:
            async with engine.client() as client:
                answer = await client.post("/v1/runs", json=asked("Hello!", model=None))
            assert answer.json()["response"] == "You said: Hello!"
            line = await engine.logged("request", request_id=answer.headers["x-request-id"])
            workers.add(line["worker"])


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Missing", "does not exist: name a subclass of vital_shared.Workflow"),
        ("word", "is not a workflow"),
        ("Alone", "cannot be served: name a subclass of vital_shared.BaseWorkflow"),
    ],
)
def test_a_class_that_cannot_be_served_is_refused_at_the_start(
    tmp_path, file, name: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^VITAL_WORKFLOW: .*{problem}"):
        serve(ServerSettings(port=0, workflow=f"{file}:{name}"), Settings(data_dir=tmp_path))


@pytest.mark.parametrize("target", ["no_such_module_here:Echo", "echo.py", "nowhere/echo.py:Echo"])
def test_a_module_that_cannot_be_imported_is_named(target: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^VITAL_WORKFLOW: {target.partition(':')[0]}"):
        served_workflow(ServerSettings(workflow=target))


def test_without_a_name_the_built_in_workflow_answers() -> None:
    assert served_workflow(ServerSettings(workflow="")) is BaseWorkflow
