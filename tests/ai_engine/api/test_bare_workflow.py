"""A bare workflow with an input and a result of its own, over HTTP: stored, shown, resumed, and as a model."""

import json

import pytest
from pydantic import BaseModel
from tests.ai_engine.api.test_chat import client_of
from tests.ai_engine.harness import Serve, Service

from vital_shared import Pause, Workflow, WorkflowInput, node
from vital_shared.monitoring.counted import counted


class Terms(BaseModel):
    days: int
    user: str


class TermsInput(WorkflowInput):
    query: str = "Read the term."
    text: str = "30 days"


class Read(Workflow[TermsInput, Terms]):
    @node
    async def result(self, text: str, user_id: str) -> Terms:
        return Terms(days=int(text.split(maxsplit=1)[0]), user=user_id)


class Checked(Workflow[TermsInput, Terms]):
    @node(pauses=True)
    async def days(self, text: str) -> int:
        raise Pause(len(text))

    @node
    async def result(self, days: int, input: TermsInput) -> Terms:  # noqa: A002 - the input's name
        return Terms(days=days, user=input.text[:3])


GIVEN = {"mode": "2", "tenant_id": "acme", "user_id": "ann"}


@pytest.fixture
async def service(serve: Serve) -> Service:
    return await serve(workflows={"read": Read, "checked": Checked})


async def test_its_stored_run_shows_its_own_input_and_its_result(service: Service) -> None:
    with counted() as growth:
        given = GIVEN | {"text": "90 " + "x" * 200_000}
        done = (await service.client.post("/v1/workflows/read/runs", json=given)).json()
    stored = (await service.client.get(f"/v1/runs/{done['run_id']}")).json()
    assert done["is_assessed"] is False
    assert (done["result"], done["response"]) == ({"days": 90, "user": "ann"}, "")
    assert (stored["output"]["result"], len(stored["input"]["text"])) == (done["result"], 200_003)
    assert growth("vital_workflow_requests_total", outcome="success") == 1
    assert growth("vital_agent_usage_total") == growth("vital_quality_score_count") == 0


async def test_a_paused_run_goes_on_with_its_own_input(service: Service) -> None:
    paused = (await service.client.post("/v1/workflows/checked/runs", json=GIVEN | {"text": "abcd"})).json()
    assert (paused["status"], paused["result"]) == ("awaiting_approval", None)
    path = f"/v1/runs/{paused['run_id']}/resume"
    wrong = await service.client.post(path, json={"answers": {"days": "many"}})
    done = await service.client.post(path, json={"answers": {"days": 4}})
    assert (wrong.status_code, done.json()["result"]) == (422, {"days": 4, "user": "abc"})


@pytest.mark.parametrize("stream", [False, True])
async def test_as_a_model_its_result_is_the_text(service: Service, stream: bool) -> None:
    asked = [{"role": "user", "content": "Read the term."}]
    async with client_of(service) as client:
        answer = await client.chat.completions.create(model="read", messages=asked, user="ann", stream=stream)
        if stream:
            pieces = [chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices]
            text = "".join(pieces)
        else:
            text = answer.choices[0].message.content
    assert json.loads(text)["days"] == 30
