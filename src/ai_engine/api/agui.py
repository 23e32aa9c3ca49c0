"""AG-UI: runs for agent user interfaces, with approvals as interrupts."""

from __future__ import annotations

from typing import Final

from ag_ui.core import RunErrorEvent
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from ai_engine.api.body import chat_limit, read_model
from ai_engine.api.operation import ANSWERING_PROBLEMS, EVENTS, Operation, Operations, parameter
from ai_engine.api.run_requests import begin, follow, resume, until_begun
from ai_engine.api.streams import HEADERS, MEDIA_TYPE
from ai_engine.auth.caller import Caller
from ai_engine.conversation import read_conversation
from ai_engine.engine import Engine, engine_of
from ai_engine.protocols.agui.events import EventWriter, encode_event
from ai_engine.protocols.agui.request import (
    Chosen,
    RunAgentInput,
    calls_of,
    decision,
    run_id_of,
    workflow_input,
)
from ai_engine.runs.hub import LiveRun
from ai_engine.validation import InvalidFields
from vital_shared.errors import Conflict, InvalidRequest, NotFound

__all__ = ["OPERATIONS", "run"]

PARAMETERS: Final = frozenset(Chosen.model_fields)


async def run(request: Request) -> Response:
    """Begin a run, or go on with one whose interrupts are answered, and stream its events."""
    engine, caller = engine_of(request), Caller.of(request)
    asked = await read_model(request, RunAgentInput, chat_limit(engine.settings))
    if asked.resume:
        try:
            return await _resume(request, engine, caller, asked)
        except (Conflict, InvalidRequest, NotFound) as error:  # AG-UI wants these as an event
            failure = RunErrorEvent(message=str(error), code="resume")
            return Response(encode_event(failure), media_type=MEDIA_TYPE, headers=HEADERS)
    conversation = read_conversation(asked.messages or ())
    chosen, served = _chosen(request), engine.workflows.default
    try:
        if chosen.workflow is not None:
            served = engine.workflows.named(chosen.workflow)
        question = workflow_input(asked, conversation, chosen, served, caller.tenant_id)
        begun = await begin(request, engine, served.workflow, question)
    except NotFound as error:  # what is not there was named by a parameter, not by the path
        raise InvalidRequest(error.message, field=error.field) from error
    await until_begun(request, begun)
    writer = EventWriter(asked.thread_id, asked.run_id, warnings=conversation.warnings)
    return _stream(engine, begun, writer, after=0)


async def _resume(request: Request, engine: Engine, caller: Caller, asked: RunAgentInput) -> Response:
    run_id = run_id_of(asked)
    await engine.hub.paused(run_id)
    services = engine.services
    record = await services.runs.get(run_id, tenant_id=caller.tenant_id, now=services.now())
    begun, after = await resume(request, engine, record, decision(asked, record, caller.key_id))
    await until_begun(request, begun)
    writer = EventWriter(asked.thread_id, asked.run_id, calls_of(record))
    return _stream(engine, begun, writer, after=after)


def _stream(engine: Engine, begun: LiveRun, writer: EventWriter, *, after: int) -> Response:
    return follow(engine, begun, after=after, write=writer)


def _chosen(request: Request) -> Chosen:
    given = request.query_params
    try:
        return Chosen.model_validate({name: given[name] for name in PARAMETERS if name in given})
    except ValidationError as error:
        raise InvalidFields.of(error) from error


_EXAMPLE: Final = {
    "threadId": "thread-1",
    "runId": "run-1",
    "messages": [{"id": "1", "role": "user", "content": "What is a 510(k)?"}],
}

OPERATIONS: Final[Operations] = {
    ("post", "/v1/agui"): Operation(
        summary="Chat with AG-UI",
        description="Streams the events of a run; each decision is an interrupt that the next call resumes.",
        parameters=(
            parameter("query", "workflow", "The workflow; the one of /v1/runs by default."),
            parameter("query", "mode", "1 to 4; by default 3, or the matching mode of a named workflow."),
            parameter("query", "agent_id", "The agent; generalist by default."),
        ),
        body={
            "type": "object",
            "title": "RunAgentInput",
            "required": ["threadId", "runId", "messages"],
            "additionalProperties": True,
        },
        examples={"question": {"value": _EXAMPLE}},
        success="The events of AG-UI 1.0.",
        answers={EVENTS: {}},
        problems=ANSWERING_PROBLEMS,
    )
}
"""AG-UI's own specification says more."""
