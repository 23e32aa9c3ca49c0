"""Run workflows in tests: canned models and sources with a separate store, and readable metrics.

>>> async with workflow_services(tmp_path, models=[CannedModel("Yes [1].")]) as services:
...     output = await MyWorkflow(services).execute_typed(question("Is it so?", model="canned"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from vital_shared.llm.base import (
    CallStarted,
    Cited,
    Model,
    ModelEvent,
    ModelRequest,
    ModelToolCall,
    ModelTurn,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)
from vital_shared.models.citation import Passage
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.counted import counted
from vital_shared.retrieval import language
from vital_shared.retrieval.base import Source
from vital_shared.settings import Settings
from vital_shared.tools.base import Tool
from vital_shared.workflows.services import Services

__all__ = [
    "CannedModel",
    "CannedSource",
    "ScriptedModel",
    "asks_for",
    "counted",
    "passage",
    "question",
    "says",
    "workflow_services",
]


OWN_SETTINGS: Final = {
    "config": None,
    "database_url": "",
    "model": "",
    "models_dir": None,
    "pinecone_host": "",
    "redis_url": "",
    "supabase_url": "",
}
"""Settings that the environment of a test's machine would bring in."""


class CannedModel:
    """A model that always writes the same answer, citing the first passage if there is one.

    :param text: the answer, written word by word.
    :param error: raised after `words_before_error` words.
    :param gate: awaited before the first word, so that a test decides when the answer starts.
    """

    def __init__(
        self,
        text: str = "A canned answer.",
        *,
        name: str = "canned",
        error: Exception | None = None,
        words_before_error: int = 0,
        gate: asyncio.Event | None = None,
        stop: StopReason = "end",
    ) -> None:
        self.name = name
        self.calls_tools = False
        self.requests: list[ModelRequest] = []
        """The requests that it got, in order."""
        self.asked = asyncio.Event()
        """Set with the first request."""
        self._words = [word + " " for word in text.split(" ")]
        self._words[-1] = self._words[-1].rstrip(" ")
        self._error, self._before, self._gate, self._stop = error, words_before_error, gate, stop

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Write the answer."""
        self.requests.append(request)
        self.asked.set()
        if self._gate is not None:
            await self._gate.wait()
        yield CallStarted(prompt="canned@1")
        if request.passages and self._error is None:
            yield Cited(citation=request.passages[0].cite(1, request.passages[0].text))
        for number, word in enumerate(self._words):
            if self._error is not None and number == self._before:
                raise self._error
            yield TextDelta(text=word)
        yield Usage(input_tokens=10, output_tokens=len(self._words))
        yield Stop(reason=self._stop)


class ScriptedModel:
    """A model that calls tools as scripted: each request gets the next script.

    >>> ScriptedModel(asks_for("calculator", expression="6 * 7"), says("It is 42."))

    :param scripts: the events of each answer; exceptions are raised, and each `asyncio.Event` is awaited.
    """

    calls_tools = True

    def __init__(
        self, *scripts: Sequence[ModelEvent | BaseException | asyncio.Event], name: str = "scripted"
    ) -> None:
        self.name = name
        self.requests: list[ModelRequest] = []
        """The requests that it got, in order."""
        self._scripts = list(scripts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Play the next script."""
        self.requests.append(request)
        yield CallStarted(prompt="scripted@1")
        for event in self._scripts.pop(0):
            if isinstance(event, BaseException):
                raise event
            if isinstance(event, asyncio.Event):
                await event.wait()
            else:
                yield event


def says(text: str, *, stop: StopReason = "end") -> tuple[ModelEvent, ...]:
    """Script an answer of 10 tokens read and 5 written."""
    usage = Usage(input_tokens=10, output_tokens=5)
    return (TextDelta(text=text), usage, Stop(reason=stop))


def asks_for(name: str, /, **arguments: Any) -> tuple[ModelEvent, ...]:
    """Script a request for one tool call."""
    call = ModelToolCall(id=f"model-{name}", name=name, arguments=arguments)
    usage = Usage(input_tokens=10, output_tokens=5)
    return (call, ModelTurn(calls=(call,)), usage, Stop(reason="tool_calls"))


class CannedSource:
    """A source that always finds the same passages.

    :param error: raised instead of returning passages.
    :param gate: awaited before the source answers.
    """

    def __init__(
        self,
        passages: Sequence[Passage] = (),
        *,
        name: str = "canned",
        error: Exception | None = None,
        gate: asyncio.Event | None = None,
    ) -> None:
        self.name = name
        self.queries: list[str] = []
        """The queries that it got, in order."""
        self._passages, self._error, self._gate = tuple(passages), error, gate

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:  # noqa: ARG002 - the interface
        """Find the passages."""
        self.queries.append(query)
        if self._gate is not None:
            await self._gate.wait()
        if self._error is not None:
            raise self._error
        return self._passages[:limit]


def passage(text: str, *, id: str = "p1", source: str = "canned", score: float = 1.0) -> Passage:  # noqa: A002 - the field's name
    """Make a passage."""
    return Passage(
        id=id,
        document_id=f"doc-{id}",
        title=f"Title {id}",
        source=source,
        uri=f"{id}.md",
        text=text,
        score=score,
    )


def question(query: str, **fields: Any) -> WorkflowInput:
    """Return a request: mode 2, tenant ``acme``, user ``ann``, unless the fields say otherwise."""
    return WorkflowInput(**{"mode": "2", "tenant_id": "acme", "user_id": "ann", "query": query} | fields)


@asynccontextmanager
async def workflow_services(
    data_dir: Path,
    *,
    models: Sequence[Model] = (),
    sources: Sequence[Source] = (),
    tools: Sequence[Tool] = (),
    now: Callable[[], datetime] | None = None,
    **settings: Any,
) -> AsyncIterator[Services]:
    """Open services with their own SQLite file in `data_dir`, without the embedded models, and close them.

    Servers, the default model and the configuration file that the environment names are ignored; pass them
    as settings if you need them. The language detection model is loaded in advance, so that it does not delay
    the first search.
    """
    await language.load()
    given: dict[str, Any] = {**OWN_SETTINGS, "data_dir": data_dir, **settings}
    services = await Services.open(
        Settings(**given),
        models=models,
        sources=sources,
        tools=tools,
        now=now,
    )
    try:
        yield services
    finally:
        await services.aclose()
