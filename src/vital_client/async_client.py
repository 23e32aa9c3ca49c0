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
    :param key: the API key; None: that of the environment variable ``VITAL_API_KEY``, if there is one.
    :param tenant_id: the tenant of all requests; None: that of the key.
    :param user_id: the user of questions that name none.
    :param timeout_seconds: the longest silence of the engine, in seconds; a run that is not streamed is
        silent to its end.
    :param retries: requests that are sent after one that was refused or lost, at most. A question is sent
        again where the engine has not begun with it, or where it has an idempotency key.
    :param reconnect_seconds: the time for which a lost connection to a run that has begun is made again, in
        seconds, so that a stream outlives a restart of the engine.
    :param transport: another transport of httpx.

    Every method raises `ClientError`, and what it documents beside.
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
        """The event loop that the connections belong to; None: there are none yet."""

    async def __aenter__(self) -> Self:
        """Return it; leaving the block closes its connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(
        self, query: str, *, workflow: str | None = None, idempotency_key: str | None = None, **fields: Any
    ) -> RunAnswer:
        """Ask, and wait for the answer, or for what the run waits for.

        :param workflow: the name of the workflow; None: the engine's own.
        :param idempotency_key: a request that is sent again with it gets the same run.
        :param fields: other fields of the question, such as ``mode`` or ``agent_id``, and a workflow's own.
        """
        return await self._do(calls.ask(self._options.question(query, fields), workflow, idempotency_key))

    @asynccontextmanager
    async def stream(
        self, query: str, *, workflow: str | None = None, idempotency_key: str | None = None, **fields: Any
    ) -> AsyncIterator[AsyncGenerator[StreamEvent]]:
        """Ask, and follow the run event by event; a lost connection is made again where it broke off.

        The parameters are those of `ask`. Reading raises `RunWithoutAnswer` at the end of a run that failed.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        async with aclosing(self._events(call)) as events:
            yield events

    @asynccontextmanager
    async def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[AsyncGenerator[StreamEvent]]:
        """Follow a run that has begun.

        :param after: the number of the last event that is known; 0: none is.
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
        """Go on with a run that waits; tool calls that are not named are denied.

        :param approved: ids of the suggested calls to make, or ``all`` that are not denied.
        :param edited: other arguments, by id; these calls are approved.
        :param denied: reasons, by id.
        :param answers: values of paused nodes, by name.
        :param user_id: the person who decides.
        """
        user = user_id or self._options.user_id
        return await self._do(
            calls.resume(run_id, approved, edited or {}, denied or {}, answers or {}, user, idempotency_key)
        )

    async def start(
        self,
        query: str,
        *,
        workflow: str | None = None,
        idempotency_key: str | None = None,
        webhook_url: str | None = None,
        **fields: Any,
    ) -> str:
        """Begin a run that goes on in the background, and return its id.

        The other parameters are those of `ask`.

        :param webhook_url: the address that the engine calls at the run's end.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        return await self._do(calls.in_background(call, webhook_url))

    async def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunAnswer:
        """Wait until a run has ended, or waits for a person, and return its answer.

        :param timeout_seconds: None: for as long as it takes.
        :raises RunWithoutAnswer: when it has ended without an answer.
        :raises WaitTimeout: when it goes on for longer.
        """
        polls = Polls(run_id, timeout_seconds)
        while True:
            answer = (await self._do(calls.run(run_id), polls=polls)).answer
            if answer is not None:
                return answer
            await asyncio.sleep(polls.wait_seconds())

    async def run(self, run_id: str) -> RunDetails:
        """Return a run as the engine has stored it."""
        return await self._do(calls.run(run_id))

    async def answer(self, run_id: str) -> RunAnswer | None:
        """Return the answer of a run, or what it waits for; None: it still runs.

        :raises RunWithoutAnswer: when it has ended without one.
        """
        return (await self.run(run_id)).answer

    async def runs(self, **filters: Any) -> ListedRuns:
        """Return a page of the runs, the newest first.

        :param filters: those of ``GET /v1/runs``, such as ``status``, ``limit`` and ``cursor``; its
            ``from`` and ``to`` are ``start`` and ``end``.
        """
        return await self._do(calls.runs(filters))

    async def costs(self, *, group_by: Sequence[str] = (), **filters: Any) -> CostSummary:
        """Sum costs up, from the ledger.

        :param group_by: some of ``tenant``, ``mode``, ``model``, ``agent``, ``workflow``, ``type`` and
            ``day``.
        :param filters: those of ``GET /v1/costs``, such as ``mode`` and ``agent``; its ``from`` and ``to``
            are ``start`` and ``end``.
        """
        return await self._do(calls.costs(group_by, filters))

    async def cancel(self, run_id: str) -> None:
        """Cancel a run.

        :raises RunConflict: when it has ended.
        """
        await self._do(calls.cancel(run_id))

    async def give_feedback(
        self, run_id: str, value: bool | float | str, *, kind: str | None = None, **fields: Any
    ) -> FeedbackEntry:
        """Give feedback on a run; given again by the same user, it takes the place of the first.

        :param kind: ``boolean``, ``number``, ``text`` or ``correction``; None: that of the value.
        :param fields: ``name``, ``comment`` and ``user_id``.
        """
        return await self._do(calls.feedback(run_id, value, kind, fields))

    async def workflows(self) -> tuple[WorkflowDetails, ...]:
        """Return the workflows with their schemas."""
        return await self._do(calls.workflows())

    async def _do(self, call: Call[T], *, polls: Polls | None = None) -> T:
        """Make a call, again where that may help.

        :param polls: the looks at a run, of which this is one; None: it is none.
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

        :param seconds: the patience with it; None: that of all requests.
        """
        self._check_usable()
        try:
            return await self._http.request(**call.request(), timeout=self._options.timeout(seconds))
        except httpx.TransportError as error:
            return error
        except httpx.RequestError as error:
            raise unreadable(self._http.base_url) from error

    async def _events(self, call: Call[Any]) -> AsyncGenerator[StreamEvent]:
        """Follow the events, over as many connections as it takes."""
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
        """See whether requests can be sent.

        :raises ClientError: when the client is closed, or another event loop has its connections.
        """
        if self._http.is_closed:
            raise ClientError("This client is closed: make another one.")
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise ClientError("This client belongs to another event loop: make one for each.")
