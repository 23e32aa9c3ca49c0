"""Whatever a provider sends: every run is answered, by another model or from the documents, and neighbours' too."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service
from tests.llm.wires.servers.base import Reply, Request, Server, event, serve
from tests.llm.wires.servers.openai import DONE, END, USAGE, chunk, stream

from vital_shared.breaker import BREAKER_FAILURES
from vital_shared.llm.base import (
    CallStarted,
    Cited,
    ModelRequest,
    ModelToolCall,
    ModelTurn,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.models.agent import AgentProfile

NEIGHBOUR = "It takes 42 days."


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def calls(*functions: Any) -> list[bytes]:
    reported = [{"index": n, "id": f"c{n}", "function": each} for n, each in enumerate(functions)]
    return [chunk({"tool_calls": reported}), chunk(finish="tool_calls"), *END]


def text(*deltas: Any, finish: Any = "stop", end: Any = END) -> list[bytes]:
    return [*[chunk({"content": each}) for each in deltas], chunk(finish=finish), *end]


def counted(**usage: Any) -> list[bytes]:
    return text(
        "It takes 42 days.", end=[event(json.dumps({"choices": [], "usage": USAGE | usage}).encode()), DONE]
    )


SHAPES: dict[str, list[Any]] = {
    "nothing": [],
    "only DONE": [DONE],
    "no JSON": [b"data: {oops\n\n", DONE],
    "a number": [b"data: 42\n\n", DONE],
    "null": [b"data: null\n\n", DONE],
    "a list": [b"data: [1]\n\n", DONE],
    "choices is null": [chunk(choices=None) + b'data: {"choices":null}\n\n', DONE],
    "choices is an object": [b'data: {"choices":{"0":{}}}\n\n', DONE],
    "choices of numbers": [chunk(choices=[1, 2]), DONE],
    "delta is null": [chunk(choices=[{"index": 0, "delta": None}]), DONE],
    "delta is a text": [chunk(choices=[{"index": 0, "delta": "It takes"}]), DONE],
    "content is a number": text(42),
    "content is an object": text({"a": 1}),
    "content is a list of odd parts": text([None, 1, {"type": []}, {"text": {}}]),
    "content is true": text(True),
    "finish_reason is an object": text("It takes", finish={"type": "stop"}),
    "finish_reason is a list": text("It takes", finish=["stop"]),
    "an unknown finish_reason": text("It takes", finish="because"),
    "an error as a finish_reason": text("It takes", finish="error"),
    "a filter before any text": text(finish="content_filter"),
    "halves of surrogate pairs": [b'data: {"choices":[{"delta":{"content":"\\ud83d x"}}]}\n\n', *text("")],
    "NUL": text("It\0takes 42 days."),
    "huge counts": counted(prompt_tokens=10**300, completion_tokens=10**300),
    "counts below zero": counted(prompt_tokens=-5, completion_tokens=-(10**9)),
    "counts of another type": counted(prompt_tokens=[], completion_tokens={}, total_tokens="many"),
    "usage is a list": text("It takes 42 days.", end=[chunk(choices=[], usage=[1]), DONE]),
    "an error amid the text": [chunk({"content": "It takes"}), b'data: {"error":{"message":[1]}}\n\n'],
    "an error that is a text": [b'data: {"error":"\\ud800\\u0000"}\n\n'],
    "cut off": [chunk({"content": "It takes"}), ConnectionError],
    "tool calls of null": [chunk({"tool_calls": [None]}), chunk(finish="tool_calls"), *END],
    "a tool call without a function": [
        chunk({"tool_calls": [{"index": 0}]}),
        chunk(finish="tool_calls"),
        *END,
    ],
    "a tool's name is a list": calls({"name": ["calculator"], "arguments": "{}"}),
    "arguments are an object": calls({"name": "calculator", "arguments": {"expression": "2+3"}}),
    "arguments are no JSON": calls({"name": "calculator", "arguments": "{"}),
    "nested arguments": calls({"name": "calculator", "arguments": nested(900)}),
    "very nested arguments": calls({"name": "calculator", "arguments": nested(50_000)}),
    "a huge number in arguments": calls({"name": "calculator", "arguments": '{"a":' + "9" * 5_000 + "}"}),
    "NaN in arguments": calls({"name": "calculator", "arguments": '{"a":NaN}'}),
    "half a pair in arguments": calls({"name": "calculator", "arguments": '{"expression":"\\ud800"}'}),
    "NUL in arguments": calls({"name": "calculator", "arguments": '{"expression":"\\u0000"}'}),
    "a thousand tool calls": calls(
        *[{"name": "calculator", "arguments": f'{{"a":{n}}}'} for n in range(1_000)]
    ),
    "an unknown tool of a long name": calls({"name": "x" * 100_000, "arguments": "{}"}),
    "a wish that never ends": calls({"name": "calculator", "arguments": '{"expression":"2+3"}'}),
}

LARGE = {
    "three megabytes of text": [chunk({"content": "word " * 3_000})] * 200,
    "a megabyte in one piece": [chunk({"content": "word " * 200_000})],
    "one long word": [chunk({"content": "x" * 10_000})] * 90,
    "markers": [chunk({"content": "[1]" * 3_000})] * 30,
    "newlines": [chunk({"content": "\n" * 10_000})] * 10,
    "full stops": [chunk({"content": ". " * 5_000})] * 20,
    "reasoning without end": [chunk({"reasoning_content": "hm " * 5_000})] * 200,
}


@asynccontextmanager
async def odd_providers(serve_engine: Serve, folder: Path) -> AsyncIterator[tuple[Service, Server]]:
    """Serve an engine with the providers ``odd`` and ``fine``: a model of the first is the name of a shape."""

    def answer(request: Request) -> Reply:
        name = request.body["model"]
        if name in LARGE:
            return stream([*LARGE[name], chunk(finish="stop"), *END])
        return stream(SHAPES[name])

    async with serve(answer) as odd, serve(stream(text(NEIGHBOUR))) as fine:
        (folder / "vital.toml").write_text(
            "\n".join(
                f'[providers.{name}]\nwire = "openai"\nbase_url = "{server.url}"\nkey_env = ""\nattempts = 1\n'
                for name, server in (("odd", odd), ("fine", fine))
            )
        )
        service = await serve_engine()
        for agent, fallbacks in (("alone", ()), ("pair", ("fine:m",))):
            profile = AgentProfile(
                id=agent, name=agent, system_prompt="Be brief.", model="fine:m", fallbacks=fallbacks
            )
            await service.services.agents.save(profile, tenant_id=None)
        yield service, odd


async def run(service: Service, model: str, agent: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = await service.ask("How long is the review?", model=model, agent_id=agent, **fields)
    return response.status_code, response.json()


@pytest.mark.parametrize("agent", ["alone", "pair"])
async def test_odd_shapes_fail_no_run_and_no_neighbours(serve: Serve, tmp_path: Path, agent: str) -> None:
    async with odd_providers(serve, tmp_path) as (service, _):
        answers: dict[str, tuple[int, dict[str, Any]]] = {}

        async def odd(shape: str) -> None:
            answers[shape] = await run(service, f"odd:{shape}", agent)

        async def neighbour() -> tuple[int, dict[str, Any]]:
            return await run(service, "fine:m", "alone", tenant_id="globex")

        async with asyncio.TaskGroup() as tasks:
            neighbours = [tasks.create_task(neighbour()) for _ in range(10)]
            for shape in SHAPES:
                tasks.create_task(odd(shape))
    assert {shape: status for shape, (status, _) in answers.items() if status != 200} == {}
    assert {shape for shape, (_, output) in answers.items() if not output["response"].strip()} == set()
    assert all(task.result()[0] == 200 for task in neighbours)
    assert all(task.result()[1]["response"] == NEIGHBOUR for task in neighbours)


ODD_EVENTS = {
    "None": [None],
    "a number": [42],
    "text that is none": [TextDelta(text=None)],
    "text that is a list": [TextDelta(text=["It takes"])],
    "a call without arguments": [ModelToolCall.model_construct(id=None, name=None, arguments=None)],
    "a turn of anything": [ModelTurn.model_construct(text=1, calls=[2], wire="", native=None)],
    "a usage of texts": [Usage.model_construct(input_tokens="a", output_tokens=[])],
    "an unknown stop": [Stop.model_construct(reason="why", request_id=7)],
    "a stop of nothing": [Stop.model_construct(reason=None, request_id=None)],
    "a beginning of anything": [
        CallStarted.model_construct(prompt=1, input_tokens="x", max_output_tokens="y")
    ],
    "no number of a citation": [Cited.model_construct(citation=None)],
    "a failure": [KeyError("odd")],
    "a failure behind text": [TextDelta(text="It takes"), RecursionError()],
}


@pytest.mark.parametrize("hedge_after_seconds", [None, 0.001])
async def test_models_of_ones_own_may_send_anything(
    serve: Serve, hedge_after_seconds: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    ending = [TextDelta(text=NEIGHBOUR), Stop(reason="end")]
    models = [OddModel(name, [*events, *ending]) for name, events in ODD_EVENTS.items()]
    service = await serve([*models, OddModel("fine", ending)])
    profile = AgentProfile(
        id="pair",
        name="Pair",
        system_prompt="Be brief.",
        model="fine",
        fallbacks=("fine",),
        hedge_after_seconds=hedge_after_seconds,
    )
    await service.services.agents.save(profile, tenant_id=None)
    for name in ODD_EVENTS:
        status, output = await run(service, name, "pair")
        assert (status, bool(output.get("response"))) == (200, True), (name, output)
    assert "model_call_not_recorded" not in caplog.text


class OddModel:
    """A model that sends anything, and raises what is an error."""

    calls_tools = False

    def __init__(self, name: str, events: list[Any]) -> None:
        self.name = name
        self._events = events

    async def stream(self, _request: ModelRequest) -> AsyncGenerator[Any, None]:
        for each in self._events:
            if isinstance(each, Exception):
                raise each
            yield each


async def test_odd_shapes_reach_streams_as_events_to_their_end(serve: Serve, tmp_path: Path) -> None:
    async with odd_providers(serve, tmp_path) as (service, _):
        for shape in SHAPES:
            body = {
                "query": "How long?",
                "mode": 2,
                "tenant_id": "a",
                "user_id": "u",
                "model": f"odd:{shape}",
            }
            events = await service.events(json=body)
            assert events[-1]["type"] == "run_finished", shape


async def test_a_provider_that_is_always_odd_is_left_alone(serve: Serve, tmp_path: Path) -> None:
    async with odd_providers(serve, tmp_path) as (service, odd):
        for _ in range(BREAKER_FAILURES + 3):
            status, output = await run(service, "odd:no JSON", "pair", enable_tools=False)
            assert (status, output["model"]) == (200, "fine:m")
        assert len(odd.requests) == BREAKER_FAILURES


@pytest.mark.parametrize("shape", LARGE)
async def test_large_answers_are_bounded_and_leave_the_loop_to_others(
    serve: Serve, tmp_path: Path, shape: str
) -> None:
    async with odd_providers(serve, tmp_path) as (service, _):
        await run(service, "fine:m", "pair", enable_tools=False)  # loads what the first answer needs
        async with watched_loop() as longest:
            status, output = await run(service, f"odd:{shape}", "pair", enable_tools=False)
        assert status == 200
        assert output["response"].strip() or shape == "newlines"
        assert len(output["response"]) <= 1_000_000
    assert max(longest) < MOST_SECONDS


MOST_SECONDS = 0.5
"""How long the loop may stand: ten times what it should, since the provider and the client share it here."""


@asynccontextmanager
async def watched_loop() -> AsyncIterator[list[float]]:
    """Note the longest processor time between two turns of the event loop: others may hold the machine.

    What thousands of tests before it have left is not looked through by the garbage collector any more.
    """
    longest = [0.0]
    gc.collect()
    gc.freeze()

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            longest[0] = max(longest[0], time.thread_time() - before)

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        yield longest
        watching.cancel()
