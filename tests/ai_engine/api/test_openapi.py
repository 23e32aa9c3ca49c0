"""The OpenAPI document lists what there is, and its examples work."""

import json
import re

from tests.ai_engine.harness import Service

from ai_engine.api import (
    background,
    chat,
    completions,
    embeddings,
    gemini,
    health,
    messages,
    metrics,
    models,
    responses,
    resumption,
    runs,
)
from ai_engine.api.administration.openapi import OPERATIONS
from ai_engine.api.runs import Approval
from vital_shared.models.agent import AgentProfile
from vital_shared.models.workflow_io import WorkflowInput

PATHS = {
    "/v1/runs": {"get", "post"},
    "/v1/runs/{run_id}": {"get", "delete"},
    "/v1/runs/{run_id}/events": {"get"},
    "/v1/runs/{run_id}/approval": {"post"},
    "/v1/runs/{run_id}/resume": {"post"},
    "/v1/queue": {"get"},
    "/v1/runs/{run_id}/charges": {"get"},
    "/v1/runs/{run_id}/model-calls": {"get"},
    "/v1/runs/{run_id}/feedback": {"get", "post"},
    "/v1/approvals": {"get"},
    "/v1/session": {"get", "post", "delete"},
    "/v1/conversations": {"get"},
    "/v1/conversations/{session_id}": {"get", "patch", "delete"},
    "/v1/workflows": {"get"},
    "/v1/workflows/{name}": {"get"},
    "/v1/workflows/base-workflow/runs": {"post"},
    "/v1/chat/completions": {"post"},
    "/v1/messages": {"post"},
    "/v1/messages/count_tokens": {"post"},
    "/v1/responses": {"post"},
    "/v1/embeddings": {"post"},
    "/v1/completions": {"post"},
    "/v1/agui": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{mode}/{agent_id}": {"get"},
    "/v1/models/{name}": {"get"},
    "/v1beta/models": {"get"},
    "/v1beta/models/{model}": {"get"},
    **{
        f"{version}/models/{{model}}:{method}": {"post"}
        for version in ("/v1", "/v1beta")
        for method in (
            "generateContent",
            "streamGenerateContent",
            "countTokens",
            "embedContent",
            "batchEmbedContents",
        )
    },
    "/v1/agents": {"get"},
    "/v1/agents/{agent_id}": {"get", "put", "delete"},
    "/v1/alerts": {"get", "post"},
    "/v1/audit": {"get"},
    "/v1/audit/export": {"get"},
    "/v1/retention": {"get"},
    "/v1/erasures": {"post"},
    "/v1/exports": {"post"},
    "/v1/alerts/rules": {"get"},
    "/v1/alerts/rules/{key}": {"get"},
    "/v1/silences": {"get", "post"},
    "/v1/silences/{silence_id}": {"delete"},
    "/v1/dashboards": {"get"},
    "/v1/dashboards/{uid}": {"get"},
    "/v1/dashboards/{uid}/panels/{panel_id}/data": {"get"},
    "/v1/budgets": {"get"},
    "/v1/budgets/{tenant_id}": {"get", "put", "delete"},
    "/v1/limits": {"get", "put"},
    "/v1/limits/{limit_id}": {"delete"},
    "/v1/organisations": {"get"},
    "/v1/organisations/{organisation_id}/tenants/{tenant_id}": {"put", "delete"},
    "/v1/documents": {"get", "post"},
    "/v1/documents/search": {"get"},
    "/v1/documents/{document_id}": {"get", "delete"},
    "/v1/documents/{document_id}/passages": {"get"},
    "/v1/cache": {"delete"},
    "/v1/report": {"get"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key_id}": {"delete"},
    "/v1/tools": {"get"},
    "/v1/providers": {"get"},
    "/v1/costs": {"get"},
    "/v1/costs/forecast": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


async def document(service: Service) -> dict:
    return (await service.client.get("/openapi.json")).json()


async def test_every_route_is_there(service: Service) -> None:
    assert {path: set(methods) for path, methods in (await document(service))["paths"].items()} == PATHS


def test_every_plain_route_is_documented_beside_itself() -> None:
    """A route that is added without its operation is noticed here; FastAPI documents its own."""
    apis = (
        *(runs, resumption, background, chat, completions, embeddings, messages, models, gemini),
        *(responses, health, metrics),
    )
    plain = [route for api in apis for route in api.routes]
    served = {
        (method.lower(), route.path.replace(":path}", "}"))
        for route in plain
        for method in route.methods - {"HEAD"}
    }
    assert served | {("post", "/v1/agui")} == set(OPERATIONS)


async def test_every_reference_leads_to_a_schema(service: Service) -> None:
    text = json.dumps(api := await document(service))
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert {"Problem", "WorkflowOutput", "RunEvent"} <= references <= set(api["components"]["schemas"])


async def test_every_failure_is_described_as_a_problem(service: Service) -> None:
    for path, methods in (await document(service))["paths"].items():
        if path.startswith(
            (
                *("/v1/chat", "/v1/completions", "/v1/models", "/v1/messages", "/v1/responses"),
                *("/v1/embeddings", "/v1beta/"),
            )
        ):  # OpenAI's, Anthropic's, Google's
            continue
        for operation in methods.values():
            failures = {
                key: value for key, value in operation["responses"].items() if not key.startswith("2")
            }
            assert failures
            for status, response in failures.items():
                if (path, status) != ("/readyz", "503"):
                    assert "Problem" in json.dumps(response)


async def test_the_examples_fit_the_models(service: Service) -> None:
    paths = (await document(service))["paths"]

    def examples(path: str, method: str) -> dict:
        return paths[path][method]["requestBody"]["content"]["application/json"]

    for example in examples("/v1/runs", "post")["examples"].values():
        assert WorkflowInput.model_validate_json(json.dumps(example["value"])).query
    for example in examples("/v1/runs/{run_id}/approval", "post")["examples"].values():
        assert Approval.model_validate_json(json.dumps(example["value"])) is not None
    agent = examples("/v1/agents/{agent_id}", "put")["example"]
    assert AgentProfile.model_validate_json(json.dumps(agent | {"id": "x"})).id == "x"


async def test_a_key_can_be_given_and_can_be_left_out(service: Service) -> None:
    api = await document(service)
    assert api["security"] == [{"key": []}, {}]
    assert api["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in api["paths"].items():
        if path.startswith("/v1/runs"):
            assert all({"401", "403"} <= set(operation["responses"]) for operation in operations.values())
