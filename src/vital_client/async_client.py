"""The client for programs with an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Literal, Self, TypeVar

import httpx
from httpx_sse import EventSource

from vital_client import calls
from vital_client.answer import RunAnswer, StreamEvent
from vital_client.calls import Call
from vital_client.errors import ClientError
from vital_client.following import ENDED_EARLY, Following
from vital_client.options import DEFAULT_URL, Options
from vital_client.polls import Polls
from vital_client.responses import check_stream, read, unreadable
from vital_client.results import CostSummary, FeedbackEntry, ListedRuns, RunDetails, WorkflowDetails
from vital_client.retries import Outcome, Retries

__all__ = ["AsyncVitalClient"]

T = TypeVar("T")


class AsyncVitalClient:
    """A client of an engine, for asyncio.

    :param base_url: the address of the engine.
    :param key: the API key; None: the environment variable ``VITAL_API_KEY``, if it is set.
    :param tenant_id: the tenant of all requests; None: the tenant of the key.
    :param user_id: the user of requests that name none.
    :param timeout_seconds: seconds without data from the engine after which a request times out; a run that
        is not streamed sends nothing until it ends.
    :param retries: the maximum number of retries of a request that was refused or lost. A question is only
        retried if the engine has not started it, or if it has an idempotency key.
    :param reconnect_seconds: seconds during which the client reconnects to a run that has started, so that a
        stream survives a restart of the engine.
    :param transport: a custom httpx transport.

    Every method raises `ClientError`, in addition to the errors that it documents.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        key: str | None = None,
        tenant_id: str | None = None,
        user_id: str | None = None,
        timeout_seconds: float = 300.0,
        retries: int = 2,
        reconnect_seconds: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options = Options(
            base_url=base_url, key=key, tenant_id=tenant_id, user_id=user_id, timeout_seconds=timeout_seconds
        )
        self._retries = Retries(retries, reconnect_seconds)
        self._http = httpx.AsyncClient(**self._options.http(), transport=transport)
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop that owns the connections; None: there are none yet."""

    async def __aenter__(self) -> Self:
        """Return the client; leaving the block closes its connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self,
        query: str | None = None,
        *,
        workflow: str | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> RunAnswer:
        """Ask a question, and wait until the run has an answer or pauses.

        :param query: the question; None: the workflow's own default, if it has one.
        :param workflow: the name of the workflow; None: the engine's default.
        :param idempotency_key: a key with which a repeated request gets the same run.
        :param fields: other fields of the request, such as ``mode``, ``agent_id`` or those of the workflow.
        """
        return await self._do(calls.ask(self._options.question(query, fields), workflow, idempotency_key))

    @asynccontextmanager
    async def stream(
        self,
        query: str | None = None,
        *,
        workflow: str | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> AsyncIterator[AsyncGenerator[StreamEvent]]:
        """Ask a question, and follow the run event by event; a lost connection resumes where it broke off.

        The parameters are those of `ask`. Iterating raises `RunWithoutAnswer` at the end of a failed run.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        async with aclosing(self._events(call)) as events:
            yield events

    @asynccontextmanager
    async def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[AsyncGenerator[StreamEvent]]:
        """Follow a run that has already started.

        :param after: the number of the last event you have; 0: none.
        """
        async with aclosing(self._events(calls.events_after(run_id, after))) as events:
            yield events

    async def resume(
        self,
        run_id: str,
        *,
        approved: Sequence[str] | Literal["all"] | None = None,
        edited: Mapping[str, Mapping[str, Any]] | None = None,
        denied: Mapping[str, str] | None = None,
        answers: Mapping[str, Any] | None = None,
        user_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunAnswer:
        """Resume a run that waits; tool calls that you do not name are denied.

        :param approved: ids of the suggested calls to make, or ``all`` to make all that are not denied.
        :param edited: changed arguments, by id; these calls are approved.
        :param denied: reasons for denied calls, by id.
        :param answers: values of paused nodes, by name.
        :param user_id: the person who decides.
        """
        user = user_id or self._options.user_id
        return await self._do(
            calls.resume(run_id, approved, edited or {}, denied or {}, answers or {}, user, idempotency_key)
        )

    async def start(
        self,
        query: str | None = None,
        *,
        workflow: str | None = None,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **fields: Any,
    ) -> str:
        """Start a run in the background, and return its id.

        The other parameters are those of `ask`.

        :param webhook_url: the address that the engine calls when the run ends.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        return await self._do(calls.in_background(call, webhook_url))

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunAnswer:
        """Wait until a run ends or pauses for a person, and return its answer.

        :param timeout_seconds: seconds to wait; None: without a limit.
        :raises RunWithoutAnswer: when the run has ended without an answer.
        :raises WaitTimeout: when the run is still active after that time.
        """
        polls = Polls(run_id, timeout_seconds)
        while True:
            answer = (await self._do(calls.run(run_id), polls=polls)).answer
            if answer is not None:
                return answer
            await asyncio.sleep(polls.wait_seconds())

    async def run(self, run_id: str) -> RunDetails:
        """Return a stored run."""
        return await self._do(calls.run(run_id))

    async def answer(self, run_id: str) -> RunAnswer | None:
        """Return the answer of a run, or the approval or input that it waits for; None while it is running.

        :raises RunWithoutAnswer: when the run has ended without an answer.
        """
        return (await self.run(run_id)).answer

    async def runs(self, **filters: Any) -> ListedRuns:
        """Return a page of runs, newest first.

        :param filters: the query parameters of ``GET /v1/runs``, such as ``status``, ``limit`` and
            ``cursor``; ``from`` and ``to`` are called ``start`` and ``end`` here.
        """
        return await self._do(calls.runs(filters))

    async def costs(self, *, group_by: Sequence[str] = (), **filters: Any) -> CostSummary:
        """Return the sums of the costs in the ledger.

        :param group_by: any of ``tenant``, ``mode``, ``model``, ``agent``, ``workflow``, ``type`` and
            ``day``.
        :param filters: the query parameters of ``GET /v1/costs``, such as ``mode`` and ``agent``; ``from``
            and ``to`` are called ``start`` and ``end`` here.
        """
        return await self._do(calls.costs(group_by, filters))

    async def cancel(self, run_id: str) -> None:
        """Cancel a run.

        :raises RunConflict: when the run has already ended.
        """
        await self._do(calls.cancel(run_id))

    async def give_feedback(
        self, run_id: str, value: bool | float | str, *, kind: str | None = None, **fields: Any
    ) -> FeedbackEntry:
        """Give feedback on a run; later feedback of the same user replaces it.

        :param kind: ``boolean``, ``number``, ``text`` or ``correction``; None: the kind of the value.
        :param fields: ``name``, ``comment`` and ``user_id``.
        """
        return await self._do(calls.feedback(run_id, value, kind, fields))

    async def workflows(self) -> tuple[WorkflowDetails, ...]:
        """Return the workflows with their schemas."""
        return await self._do(calls.workflows())

    async def _do(self, call: Call[T], *, polls: Polls | None = None) -> T:
        """Make a call, and retry it where that may help.

        :param polls: the polling that this call belongs to; None: it is not a poll.
        """
        retrying = self._retries.begin(self._http.base_url, has_begun=polls is not None)
        while True:
            outcome = await self._attempt(call, None if polls is None else polls.look_seconds())
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return read(call, outcome)
            wait = retrying.wait_seconds(call, outcome)
            await asyncio.sleep(wait if polls is None else polls.limit(wait))

    async def _attempt(self, call: Call[Any], seconds: float | None) -> Outcome:
        """Send a request.

        :param seconds: the timeout of this request; None: the timeout of the client.
        """
        self._check_usable()
        try:
            return await self._http.request(**call.request(), timeout=self._options.timeout(seconds))
        except httpx.TransportError as error:
            return error
        except httpx.RequestError as error:
            raise unreadable(self._http.base_url) from error

    async def _events(self, call: Call[Any]) -> AsyncGenerator[StreamEvent]:
        """Follow the events, reconnecting as often as necessary."""
        retrying = self._retries.begin(self._http.base_url, has_begun=call.method == "GET")
        following = Following(call, retrying)
        while not following.is_over:
            outcome: Outcome = ENDED_EARLY
            try:
                async with self._open(following.call) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return  # there is nothing behind the place where it begins
                    if response.is_success:
                        check_stream(response)
                        async for message in EventSource(response).aiter_sse():
                            yield following.read(message)
                    else:
                        await response.aread()
                        outcome = response
            except httpx.TransportError as error:
                outcome = error
            except httpx.RequestError as error:
                raise unreadable(self._http.base_url) from error
            if not following.is_over:
                await asyncio.sleep(following.wait_seconds(outcome))

    def _open(self, call: Call[Any]) -> AbstractAsyncContextManager[httpx.Response]:
        self._check_usable()
        request = call.request()
        request["headers"]["Accept"] = "text/event-stream"
        return self._http.stream(**request)

    def _check_usable(self) -> None:
        """Check whether requests can be sent.

        :raises ClientError: when the client is closed, or another event loop owns its connections.
        """
        if self._http.is_closed:
            raise ClientError("This client is closed: create another one.")
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ClientError("This client belongs to another event loop: create one for each loop.")
