"""Workflows by name: their routes, their schemas, and each as a model."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from tests.ai_engine.api.test_agui import asked as agui_asked
from tests.ai_engine.api.test_agui import read
from tests.ai_engine.harness import SUM, Serve, Service, asked

from ai_engine.served_classes import served_classes
from ai_engine.settings import ServerSettings
from vital_shared import Answer, BaseWorkflow, Workflow, WorkflowInput, node
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.models.workflow_names import class_name_as_name
from vital_shared.settings import Settings
from vital_shared.testing import counted

EXAMPLES = Path(__file__).parents[3] / "examples"


class Echo(BaseWorkflow):
    """Repeat the question.

    Nothing else.
    """

    modes = frozenset({WorkflowMode.MODE_1, WorkflowMode.MODE_2})

    @node
    async def answer(self, question: str) -> Answer:
        return Answer(text=f"You said: {question}")


class Counted(BaseWorkflow):
    """Count the words."""

    @node
    async def words(self, question: str) -> int:
        return len(question.split())

    @node
    async def answer(self, words: int) -> Answer:
        return Answer(text=f"{words} words")


class ContractInput(WorkflowInput):
    contract: str
    pages: int = 1


class Terms(BaseModel):
    days: int


class Extract(Workflow[ContractInput, Terms]):
    """Read the term of a contract."""

    @node
    async def result(self, contract: str) -> Terms:
        return Terms(days=int(contract.split(maxsplit=1)[0]))


@pytest.fixture
async def service(serve: Serve) -> Service:
    return await serve(workflows={"base-workflow": BaseWorkflow, "echo": Echo, "counted": Counted})


@pytest.fixture
async def extracting(serve: Serve) -> Service:
    return await serve(workflows={"base-workflow": BaseWorkflow, "extract": Extract})


async def answered(service: Service, path: str, **body) -> str:
    response = await service.client.post(path, json=asked("Who is there?", **body))
    assert response.status_code == 200, response.text
    return response.json()["response"]


async def test_the_fields_of_another_workflow_name_its_route(extracting: Service) -> None:
    response = await extracting.client.post("/v1/runs", json=asked("Read it.", contract="30 days", pages=2))
    problem = response.json()
    assert response.status_code == 422
    assert problem["detail"] == (
        'contract is not known to the workflow "base-workflow", and is to "extract": '
        "POST /v1/workflows/extract/runs (1 more)."
    )
    assert [each["field"] for each in problem["errors"]] == ["contract", "pages"]
    response = await extracting.client.post("/v1/runs", json=asked("Read it.", contract="30 days", page=2))
    assert response.json()["detail"] == "contract is not known here: leave it out (1 more)."


async def test_each_workflow_answers_under_its_name(service: Service) -> None:
    assert await answered(service, "/v1/workflows/echo/runs") == "You said: Who is there?"
    assert await answered(service, "/v1/workflows/counted/runs") == "3 words"
    built_in = [await answered(service, f"/v1{name}/runs") for name in ("", "/workflows/base-workflow")]
    assert built_in == ["It takes 42 days [1]."] * 2


async def test_requests_are_counted_by_the_template_of_their_route(service: Service) -> None:
    with counted() as growth:
        await answered(service, "/v1/workflows/echo/runs")
        await service.client.get("/v1/workflows/echo")
        await service.client.get("/v1/workflows")
    for route in ("/v1/workflows/{name}/runs", "/v1/workflows/{name}", "/v1/workflows"):
        assert growth("vital_http_requests_total", route=route) == 1
    assert growth("vital_workflow_requests_total", workflow="echo") == 1


async def test_a_workflow_streams_like_the_built_in_one(service: Service) -> None:
    events = await service.events("/v1/workflows/counted/runs", json=asked("One two"))
    assert events[0]["type"] == "run_started"
    assert events[-1]["output"]["values"] == {"words": 2}
    assert "".join(each["text"] for each in events if each["type"] == "token") == "2 words"


async def test_a_name_that_is_not_served_is_not_found(service: Service) -> None:
    for method, path in (("POST", "/v1/workflows/other/runs"), ("GET", "/v1/workflows/other")):
        response = await service.client.request(method, path, json=asked())
        assert response.status_code == 404
        assert response.json()["detail"] == (
            'No workflow "other" is served here: GET /v1/workflows lists all.'
        )


async def test_workflows_are_listed_with_their_schemas(service: Service) -> None:
    listed = (await service.client.get("/v1/workflows")).json()["workflows"]
    assert [(each["name"], each["is_default"]) for each in listed] == [
        ("base-workflow", True),
        ("echo", False),
        ("counted", False),
    ]
    echo = listed[1]
    assert (echo["description"], echo["modes"]) == ("Repeat the question.", ["1", "2"])
    assert {"query", "tenant_id"} <= set(echo["input_schema"]["properties"])
    assert echo["result_schema"] is None
    assert (await service.client.get("/v1/workflows/echo")).json() == echo


async def test_a_class_without_a_docstring_is_not_described_by_that_of_its_base(serve: Serve) -> None:
    class Bare(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return query

    class Special(Echo):
        pass

    service = await serve(workflows={"bare": Bare, "special": Special})
    listed = (await service.client.get("/v1/workflows")).json()["workflows"]
    assert {each["name"]: each["description"] for each in listed} == {
        "bare": "",
        "special": "Repeat the question.",
    }
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    assert paths["/v1/workflows/bare/runs"]["post"]["description"].startswith("Answers as JSON")


async def test_each_workflow_is_in_the_document(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    echo = paths["/v1/workflows/echo/runs"]["post"]
    assert echo["description"].startswith("Repeat the question. Answers as JSON")
    schema = echo["requestBody"]["content"]["application/json"]["schema"]
    assert schema["$ref"].startswith("#/components/schemas/WorkflowInput")


async def test_a_workflow_takes_its_own_input_and_gives_its_own_result(extracting: Service) -> None:
    path = "/v1/workflows/extract/runs"
    answer = await extracting.client.post(path, json=asked(model=None, contract="30 days"))
    assert answer.json()["result"] == {"days": 30}
    events = await extracting.events(path, json=asked(model=None, contract="60 days"))
    assert events[-1]["output"]["result"] == {"days": 60}
    wrong = await extracting.client.post(path, json=asked(contract=5, page=1))
    assert (wrong.status_code, [each["field"] for each in wrong.json()["errors"]]) == (
        422,
        ["contract", "page"],
    )


async def test_an_own_input_and_result_are_in_the_document_and_in_the_list(extracting: Service) -> None:
    api = (await extracting.client.get("/openapi.json")).json()
    schemas = api["components"]["schemas"]
    operation = api["paths"]["/v1/workflows/extract/runs"]["post"]

    def named(content: dict) -> dict:
        return schemas[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]

    assert named(operation["requestBody"]["content"])["properties"]["pages"]["type"] == "integer"
    result = named(operation["responses"]["200"]["content"])["properties"]["result"]
    assert "Terms" in str(result)
    shown = (await extracting.client.get("/v1/workflows/extract")).json()
    assert "contract" in shown["input_schema"]["required"]
    assert shown["result_schema"]["properties"]["days"]["type"] == "integer"


async def test_a_chat_cannot_ask_a_workflow_that_takes_more(extracting: Service) -> None:
    expected = (
        'The workflow "extract" takes more than a conversation (contract): POST '
        "/v1/workflows/extract/runs takes its whole input."
    )
    body = {"model": "extract", "messages": [{"role": "user", "content": "Hello"}]}
    chat = await extracting.client.post("/v1/chat/completions", json=body)
    assert (chat.status_code, chat.json()["error"]["message"]) == (400, expected)
    agui = await extracting.client.post("/v1/agui", params={"workflow": "extract"}, json=agui_asked("Hello"))
    assert (agui.status_code, agui.json()["detail"]) == (422, expected)


async def test_the_examples_are_served_together(serve: Serve, tmp_path) -> None:
    names = ("approval:Letter", "custom_workflow:OfficeWorkflow", "extraction:Extract", "report:Report")
    targets = (f"{EXAMPLES}/{each.replace(':', '.py:')}" for each in (*names, "without_retrieval:Summary"))
    setting = ServerSettings(workflow=",".join(targets))
    service = await serve(workflows=served_classes(setting, Settings(data_dir=tmp_path)))
    listed = (await service.client.get("/v1/workflows")).json()["workflows"]
    expected = ["base-workflow", "letter", "office-workflow", "extract", "report", "summary"]
    assert [each["name"] for each in listed] == expected
    assert all(each["description"] for each in listed)
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    assert {f"/v1/workflows/{name}/runs" for name in expected} <= set(paths)


async def test_one_key_means_one_run_of_one_workflow(service: Service) -> None:
    """The key holds its path: the same body for another workflow is another request."""
    headers = {"Idempotency-Key": "one"}
    body = asked("Hello")
    first = await service.client.post("/v1/workflows/echo/runs", json=body, headers=headers)
    again = await service.client.post("/v1/workflows/echo/runs", json=body, headers=headers)
    other = await service.client.post("/v1/workflows/counted/runs", json=body, headers=headers)
    assert first.json()["run_id"] == again.json()["run_id"]
    assert other.status_code == 422, other.text


async def test_answers_of_one_workflow_are_not_anothers(serve: Serve) -> None:
    service = await serve(
        workflows={"echo": Echo, "counted": Counted},
        cache_entries=100,
    )
    for _ in range(2):
        assert await answered(service, "/v1/workflows/echo/runs") == "You said: Who is there?"
        assert await answered(service, "/v1/workflows/counted/runs") == "3 words"


async def test_a_paused_run_goes_on_with_its_own_workflow(service: Service) -> None:
    body = asked(SUM, mode=1)
    paused = (await service.client.post("/v1/workflows/echo/runs", json=body)).json()
    assert paused["status"] == "awaiting_approval"
    approval = {"approved": "all"}
    done = await service.client.post(f"/v1/runs/{paused['run_id']}/approval", json=approval)
    assert done.json()["response"] == f"You said: {SUM}"


async def test_a_run_of_a_workflow_that_is_no_longer_served_conflicts(serve: Serve) -> None:
    first = await serve(workflows={"base-workflow": BaseWorkflow, "echo": Echo})
    paused = await first.client.post("/v1/workflows/echo/runs", json=asked(SUM, mode=1))
    run_id = paused.json()["run_id"]
    await first.stop()
    later = await serve()
    assert (await later.client.get(f"/v1/runs/{run_id}")).json()["status"] == "awaiting_approval"
    (listed,) = (await later.client.get("/v1/runs")).json()["runs"]
    by_name = await later.client.get("/v1/runs", params={"workflow": listed["workflow"]})
    assert [run["id"] for run in by_name.json()["runs"]] == [run_id]
    response = await later.client.post(f"/v1/runs/{run_id}/approval", json={"approved": "all"})
    assert response.status_code == 409
    assert response.json()["detail"] == (
        f'The run {run_id} belongs to the workflow "tests.ai_engine.api.test_workflows:Echo", which is no longer '
        "served here: serve it again to continue the run."
    )
    assert (await later.client.delete(f"/v1/runs/{run_id}")).status_code == 204


async def test_each_workflow_is_a_model(service: Service) -> None:
    listed = [each["id"] for each in (await service.client.get("/v1/models")).json()["data"]]
    assert listed[:2] == ["echo", "counted"]
    assert "mode-2/generalist" in listed
    assert (await service.client.get("/v1/models/echo")).json()["id"] == "echo"


async def test_a_workflow_answers_as_a_model(service: Service) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}
    whole = await service.client.post("/v1/chat/completions", json=body)
    assert whole.json()["choices"][0]["message"]["content"] == "You said: Hello"
    streamed = await service.client.post("/v1/chat/completions", json=body | {"stream": True})
    assert "You said: Hello" in streamed.text
    assert streamed.text.endswith("data: [DONE]\n\n")


async def test_a_conversation_goes_on_where_the_workflow_serves_one(service: Service) -> None:
    talk = [
        {"role": "user", "content": "How long?"},
        {"role": "assistant", "content": "42 days."},
        {"role": "user", "content": "Hello there"},
    ]
    # The one that serves chats asks with the question before.
    for model, answer in (("echo", "You said: Hello there"), ("counted", "4 words")):
        body = {"model": model, "messages": talk}
        response = await service.client.post("/v1/chat/completions", json=body)
        assert response.json()["choices"][0]["message"]["content"] == answer


async def test_a_workflow_answers_in_agui(service: Service) -> None:
    response = await service.client.post("/v1/agui", params={"workflow": "echo"}, json=agui_asked("Hello"))
    text = "".join(each.delta for each in read(response.text) if each.type == "TEXT_MESSAGE_CONTENT")
    assert text == "You said: Hello"
    unknown = await service.client.post("/v1/agui", params={"workflow": "x"}, json=agui_asked("Hello"))
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "workflow")


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Report", "report"),
        ("OfficeReport", "office-report"),
        ("HTTPReport2", "http-report2"),
        ("_Private", "private"),
        ("snake_case", "snake_case"),
    ],
)
def test_a_class_is_called_by_its_name_in_lower_case(class_name: str, name: str) -> None:
    assert class_name_as_name(class_name) == name
