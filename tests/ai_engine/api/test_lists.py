"""Lists of runs, approvals and conversations over HTTP, and feedback on runs."""

import pytest
from sqlalchemy import insert
from tests.ai_engine.harness import SUM, Service

from vital_shared.monitoring.metrics import FEEDBACK_TOTAL
from vital_shared.store.conversation_list import MAX_MESSAGES
from vital_shared.store.tables import messages


async def test_runs_are_listed_with_the_name_of_their_workflow(service: Service) -> None:
    first = (await service.ask("How long does it take?")).json()
    await service.ask("And the cost?", tenant_id="globex")
    page = (await service.client.get("/v1/runs")).json()
    assert [run["title"] for run in page["runs"]] == ["And the cost?", "How long does it take?"]
    found = (
        await service.client.get("/v1/runs", params={"workflow": "base-workflow", "text": "long"})
    ).json()
    (run,) = found["runs"]
    assert (run["id"], run["workflow"], run["status"]) == (first["run_id"], "base-workflow", "completed")
    assert (run["model"], run["cost_dollars"]) == (first["model"], "0")


async def test_pages_of_runs_follow_each_other(service: Service) -> None:
    for number in range(3):
        await service.ask(f"Question {number}?")
    first = (await service.client.get("/v1/runs?limit=2")).json()
    second = (await service.client.get(f"/v1/runs?limit=2&cursor={first['next_cursor']}")).json()
    titles = [run["title"] for run in (*first["runs"], *second["runs"])]
    assert titles == ["Question 2?", "Question 1?", "Question 0?"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1000",
        "status=done",
        "cursor=x",
        "from=yesterday",
        "min_seconds=nan",
        "mode=5",
        "other=1",
    ],
)
async def test_a_wrong_filter_is_named(service: Service, query: str) -> None:
    response = await service.client.get(f"/v1/runs?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].partition(".")[0] == query.partition("=")[0]


async def test_the_charges_of_a_run_are_shown(service: Service) -> None:
    run_id = (await service.ask()).json()["run_id"]
    charges = (await service.client.get(f"/v1/runs/{run_id}/charges")).json()["charges"]
    assert {charge["cost_type"] for charge in charges} == {"llm", "rag"}


async def test_what_waits_is_in_the_inbox_until_it_is_decided(service: Service) -> None:
    run_id = (await service.ask(SUM, mode=1)).json()["run_id"]
    (waiting,) = (await service.client.get("/v1/approvals")).json()["approvals"]
    assert (waiting["run_id"], waiting["workflow"], waiting["user_id"]) == (run_id, "base-workflow", "ann")
    assert waiting["suggested_tools"][0]["name"] == "calculator"
    await service.client.post(f"/v1/runs/{run_id}/resume", json={"approved": "all"})
    assert (await service.client.get("/v1/approvals")).json()["approvals"] == []


async def test_a_conversation_is_found_renamed_and_deleted(service: Service) -> None:
    output = (await service.ask("How long does it take?", mode=4)).json()
    session = output["session_id"]
    (listed,) = (await service.client.get("/v1/conversations?text=LONG")).json()["conversations"]
    assert (listed["session_id"], listed["title"]) == (session, "How long does it take?")
    path = f"/v1/conversations/{session}"
    assert (await service.client.patch(path, json={"title": " Reviews "})).json()["title"] == "Reviews"
    shown = (await service.client.get(path)).json()
    assert [message["run_id"] for message in shown["messages"]] == [output["run_id"]] * 2
    assert (await service.client.delete(path)).status_code == 204
    assert (await service.client.get(path)).status_code == 404
    assert (await service.client.get(f"/v1/runs/{output['run_id']}")).status_code == 200


async def test_the_messages_of_a_long_conversation_are_read_page_by_page(service: Service) -> None:
    runs = [
        (await service.ask(f"Question {number}", mode=4, session_id="s1")).json()["run_id"]
        for number in (1, 2)
    ]
    filler = [
        {"tenant_id": "acme", "session_id": "s1", "user_id": "ann", "run_id": runs[1], "role": "user"}
        | {"content": f"filler {number}", "created_at": service.services.now()}
        for number in range(MAX_MESSAGES - 2)
    ]
    async with service.services.database.begin() as connection:
        await connection.execute(insert(messages), filler)
    path = "/v1/conversations/s1"
    newest = (await service.client.get(path)).json()
    assert (len(newest["messages"]), newest["is_whole"]) == (MAX_MESSAGES, False)
    assert {message["run_id"] for message in newest["messages"]} == {runs[1]}
    earlier = (await service.client.get(path, params={"before": newest["next_cursor"]})).json()
    assert [message["run_id"] for message in earlier["messages"]] == [runs[0]] * 2
    assert (earlier["is_whole"], earlier["next_cursor"]) == (True, None)


@pytest.mark.parametrize("cursor", ["x", "MjAyNi0wMS0wMVQwMDowMDowMCswMDowMCBydW5fMQ", "1"])
async def test_a_cursor_that_is_none_of_a_conversation_is_refused(service: Service, cursor: str) -> None:
    await service.ask(mode=4, session_id="s1")
    response = await service.client.get("/v1/conversations/s1", params={"before": cursor})
    assert response.status_code == 422
    assert "before" in response.text


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, 3, None])
async def test_a_title_that_cannot_be_is_refused(service: Service, title: object) -> None:
    session = (await service.ask(mode=4)).json()["session_id"]
    response = await service.client.patch(f"/v1/conversations/{session}", json={"title": title})
    assert response.status_code == 422


async def test_feedback_is_kept_once_counted_once_and_found(service: Service) -> None:
    run_id = (await service.ask()).json()["run_id"]
    counter = FEEDBACK_TOTAL.labels("2", "boolean", "negative")
    before = counter.value
    body = {"kind": "boolean", "value": False, "comment": "It misses class III."}
    for _ in range(2):
        given = await service.client.post(f"/v1/runs/{run_id}/feedback", json=body)
        assert (given.status_code, given.json()["value"]) == (200, False)
    assert counter.value == before + 1
    (kept,) = (await service.client.get(f"/v1/runs/{run_id}/feedback")).json()["feedback"]
    assert (kept["comment"], kept["user_id"]) == ("It misses class III.", "ann")
    for wanted, count in (("negative", 1), ("positive", 0), ("none", 0)):
        assert len((await service.client.get(f"/v1/runs?feedback={wanted}")).json()["runs"]) == count


async def test_feedback_on_no_run_is_refused(service: Service) -> None:
    body = {"kind": "boolean", "value": True}
    assert (await service.client.post("/v1/runs/run_none/feedback", json=body)).status_code == 404
