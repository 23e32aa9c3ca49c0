"""The log of the service: JSON lines that name the run, and nothing of requests and answers."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service, asked, serving

from ai_engine.logs import configure_logs, log_unhandled
from vital_shared import BaseWorkflow, node
from vital_shared.errors import StoreError
from vital_shared.llm.base import ModelUnavailable
from vital_shared.logs import get_logger
from vital_shared.models.answer import Answer
from vital_shared.testing import CannedModel, CannedSource, ScriptedModel, asks_for, passage, says
from vital_shared.tools.base import tool

MARKER = "xyzzy"
"""Stands in all that is a user's: nothing of it may be logged."""


@tool(requires_approval=False, keywords=("xyzzy",), from_query=lambda query: {"word": query})
async def echo(word: str) -> str:
    """Say a word."""
    return word


@tool(requires_approval=False, keywords=("xyzzy",), from_query=lambda query: {"word": query})
async def breaking(word: str) -> str:
    """Fail, quoting the word."""
    raise RuntimeError(word)


@tool(requires_approval=False, keywords=("xyzzy",), from_query=lambda query: {}[query])
async def unsuggestable(word: str) -> str:
    """Fail before it is suggested."""
    return word


class Stream(io.StringIO):
    """Says when it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.wrote = asyncio.Event()

    def write(self, text: str, /) -> int:
        self.wrote.set()
        return super().write(text)


class Lines:
    """The log so far."""

    def __init__(self) -> None:
        self.stream = Stream()

    async def until(self, event: str) -> None:
        while not self.of(event):
            self.stream.wrote.clear()
            await self.stream.wrote.wait()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def of(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def lines() -> Lines:
    """Log as the service does, at info level, into memory."""
    found = Lines()
    configure_logs(stream=found.stream)
    return found


class Failing(BaseWorkflow):
    @node
    async def failing(self, answer: Answer) -> str:
        raise ValueError(answer.text)


@pytest.fixture
async def marked(serve: Serve) -> Service:
    """A service in which all parts are full of the marker, and half of them break."""
    return await serve(
        [
            CannedModel(f"It is {MARKER} [1].", name="says"),
            CannedModel(name="breaks", error=ModelUnavailable(f"about {MARKER}", model="breaks")),
            CannedModel(name="bug", error=ValueError(MARKER)),
            CannedModel(name="bug_midway", error=ValueError(MARKER), words_before_error=1),
            ScriptedModel(asks_for("breaking", word=MARKER), says(f"{MARKER} [1].")),
        ],
        sources=[
            CannedSource([passage(f"A document of {MARKER}.")]),
            CannedSource(name="broken", error=ValueError(MARKER)),
        ],
        tools=[echo, breaking, unsuggestable],
    )


async def ask(service: Service, **fields: Any) -> Any:
    response = await service.ask(f"What is {MARKER}?", metadata={"note": MARKER}, **fields)
    return response.json()


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
@pytest.mark.parametrize("model", ["says", "breaks", "bug", "bug_midway", "scripted"])
async def test_no_line_has_anything_of_what_was_asked_found_or_answered(
    marked: Service, lines: Lines, mode: int, model: str
) -> None:
    answer = await ask(marked, mode=mode, model=model)
    assert MARKER in json.dumps(answer) or model.startswith("bug")
    assert "run_finished" in lines.text
    assert "tool_failed" in lines.text
    assert MARKER not in lines.text


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
async def test_each_run_that_ends_is_one_line(marked: Service, lines: Lines, mode: int) -> None:
    answer = await ask(marked, mode=mode, model="says", tenant_id="globex")
    (line,) = lines.of("run_finished")
    del line["timestamp"], line["request_id"]
    assert line.pop("duration_seconds") >= 0
    assert line == {
        "event": "run_finished",
        "level": "info",
        "logger": "vital_shared.workflows.run_line",
        "run_id": answer["run_id"],
        "tenant_id": "globex",
        "mode": str(mode),
        "agent_id": "generalist",
        "status": "degraded",
        "cost_dollars": answer["cost"]["total"],
        "model": "says",
        "degradation_reasons": answer["degradation_reasons"],
    }


async def test_all_that_is_logged_of_a_run_names_it(marked: Service, lines: Lines) -> None:
    answer = await ask(marked, model="scripted", tenant_id="globex")
    for event in ("tool_failed", "tool_suggestion_failed", "run_finished"):
        found = lines.of(event)
        assert found
        for line in found:
            assert (line["run_id"], line["tenant_id"]) == (answer["run_id"], "globex")
    assert all("run_id" not in line for line in lines.of("request"))


async def test_a_failed_run_is_one_line_of_information_and_one_warning(marked: Service, lines: Lines) -> None:
    async with serving(marked.services, workflow=Failing) as service:
        await ask(service, model="says")
    (line,) = lines.of("run_finished")
    assert (line["status"], line["error_type"], line["node"]) == ("failed", "internal", "failing")
    assert MARKER not in lines.text
    (warning,) = lines.of("run_failed")
    assert (warning["level"], warning["run_id"]) == ("warning", line["run_id"])
    assert warning["exception"].endswith("\nValueError")


async def test_a_run_that_waits_has_not_ended_and_is_one_line_when_it_has(serve: Serve, lines: Lines) -> None:
    service = await serve()
    paused = (await service.ask("Calculate 12.5 % of 3,400", mode=1)).json()
    assert lines.of("run_finished") == []
    await service.client.post(f"/v1/runs/{paused['run_id']}/approval", json={"approved": "all"})
    (line,) = lines.of("run_finished")
    assert (line["run_id"], line["mode"]) == (paused["run_id"], "1")


async def test_a_cancelled_run_is_one_line(serve: Serve, lines: Lines) -> None:
    gate = asyncio.Event()
    service = await serve([CannedModel(name="waits", gate=gate)])
    async with service.stream(json=asked(model="waits")) as events:
        run_id = (await anext(events))["run_id"]
        await service.client.delete(f"/v1/runs/{run_id}")
    (line,) = lines.of("run_finished")
    assert (line["status"], line["error_type"]) == ("cancelled", "cancelled")
    assert lines.of("run_failed") == []


async def test_a_run_that_is_cancelled_while_it_waits_is_one_line(serve: Serve, lines: Lines) -> None:
    service = await serve()
    paused = (await service.ask("Calculate 12.5 % of 3,400", mode=3)).json()
    await service.client.delete(f"/v1/runs/{paused['run_id']}")
    (line,) = lines.of("run_finished")
    assert (line["run_id"], line["tenant_id"]) == (paused["run_id"], "acme")
    assert (line["status"], line["mode"]) == ("cancelled", "3")


async def test_runs_that_expire_are_a_line_each(serve: Serve, lines: Lines, tmp_path: Path) -> None:
    service = await serve(approval_ttl_seconds=0.001)
    paused = (await service.ask("Calculate 12.5 % of 3,400", mode=1)).json()
    await serve()  # sweeps when it starts
    await lines.until("run_finished")
    (line,) = lines.of("run_finished")
    assert (line["run_id"], line["status"]) == (paused["run_id"], "expired")


async def test_a_store_that_breaks_is_not_quoted(
    marked: Service, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise StoreError(f"duplicate key ({MARKER})")

    monkeypatch.setattr(type(marked.services.runs), "complete", broken)
    answer = await ask(marked, model="says")
    assert "save_failed" in answer["degradation_reasons"]
    assert lines.of("run_end_not_saved")[0]["run_id"] == answer["run_id"]
    assert MARKER not in lines.text


def test_lines_of_other_libraries_have_no_messages_of_errors_either(lines: Lines) -> None:
    logging.getLogger("foreign").error("it broke", exc_info=ValueError(MARKER))
    (line,) = lines.of("it broke")
    assert (line["level"], line["logger"]) == ("error", "foreign")
    assert line["exception"].endswith("ValueError")
    assert MARKER not in lines.text


def test_what_nobody_awaited_is_not_quoted(lines: Lines) -> None:
    async def leave_behind() -> None:
        asyncio.get_running_loop().set_exception_handler(log_unhandled)
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(ValueError(MARKER))

    asyncio.run(leave_behind())
    assert [line["exception"] for line in lines.of("unhandled_error")] == ["ValueError"]
    assert MARKER not in lines.text


def test_debug_lines_say_what_errors_say(lines: Lines) -> None:
    configure_logs("debug", lines.stream)
    logger = logging.getLogger("vital_shared.test")
    logger.debug("details", exc_info=ValueError(MARKER))
    assert MARKER in lines.of("details")[0]["exception"]


def test_a_stream_that_fails_stops_nobody(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    logger = get_logger("vital.test")
    logger.info("before", number=1)
    assert lines.of("before")[0]["number"] == 1
    lines.stream.close()
    logger.info("after")
    assert "I/O operation on closed file" in capsys.readouterr().err  # as with every handler of `logging`


def test_lines_of_many_threads_stay_whole(lines: Lines) -> None:
    logger = get_logger("vital.test")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: logger.info("said", number=number, text="x" * 500), range(400)))
    assert sorted(line["number"] for line in lines.of("said")) == list(range(400))
