"""The client for programs without an event loop."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
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

__all__ = ["VitalClient"]

T = TypeVar("T")


class VitalClient:
    """A client of an engine.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._options = Options(
            base_url=base_url, key=key, tenant_id=tenant_id, user_id=user_id, timeout_seconds=timeout_seconds
        )
        self._retries = Retries(retries, reconnect_seconds)
        self._http = httpx.Client(**self._options.http(), transport=transport)

    def __enter__(self) -> Self:
        """Return it; leaving the block closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self, query: str, *, workflow: str | None = None, idempotency_key: str | None = None, **fields: Any
    ) -> RunAnswer:
        """Ask, and wait for the answer, or for what the run waits for.

        :param workflow: the name of the workflow; None: the engine's own.
        :param idempotency_key: a request that is sent again with it gets the same run.
        :param fields: other fields of the question, such as ``mode`` or ``agent_id``, and a workflow's own.
        """
        return self._do(calls.ask(self._options.question(query, fields), workflow, idempotency_key))

    @contextmanager
    def stream(
        self, query: str, *, workflow: str | None = None, idempotency_key: str | None = None, **fields: Any
    ) -> Iterator[Generator[StreamEvent]]:
        """Ask, and follow the run event by event; a lost connection is made again where it broke off.

        The parameters are those of `ask`. Reading raises `RunWithoutAnswer` at the end of a run that failed.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        with closing(self._events(call)) as events:
            yield events

    @contextmanager
    def follow(self, run_id: str, *, after: int = 0) -> Iterator[Generator[StreamEvent]]:
        """Follow a run that has begun.

        :param after: the number of the last event that is known; 0: none is.
        """
        with closing(self._events(calls.events_after(run_id, after))) as events:
            yield events

    def resume(
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
        return self._do(
            calls.resume(run_id, approved, edited or {}, denied or {}, answers or {}, user, idempotency_key)
        )

    def start(
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
        return self._do(calls.in_background(call, webhook_url))

    def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunAnswer:
        """Wait until a run has ended, or waits for a person, and return its answer.

        :param timeout_seconds: None: for as long as it takes.
        :raises RunWithoutAnswer: when it has ended without an answer.
        :raises WaitTimeout: when it goes on for longer.
        """
        polls = Polls(run_id, timeout_seconds)
        while True:
            answer = self._do(calls.run(run_id), polls=polls).answer
            if answer is not None:
                return answer
            time.sleep(polls.wait_seconds())

    def run(self, run_id: str) -> RunDetails:
        """Return a run as the engine has stored it."""
        return self._do(calls.run(run_id))

    def answer(self, run_id: str) -> RunAnswer | None:
        """Return the answer of a run, or what it waits for; None: it still runs.

        :raises RunWithoutAnswer: when it has ended without one.
        """
        return self.run(run_id).answer

    def runs(self, **filters: Any) -> ListedRuns:
        """Return a page of the runs, the newest first.

        :param filters: those of ``GET /v1/runs``, such as ``status``, ``limit`` and ``cursor``; its
            ``from`` and ``to`` are ``start`` and ``end``.
        """
        return self._do(calls.runs(filters))

    def costs(self, *, group_by: Sequence[str] = (), **filters: Any) -> CostSummary:
        """Sum costs up, from the ledger.

        :param group_by: some of ``tenant``, ``mode``, ``model``, ``agent``, ``workflow``, ``type`` and
            ``day``.
        :param filters: those of ``GET /v1/costs``, such as ``mode`` and ``agent``; its ``from`` and ``to``
            are ``start`` and ``end``.
        """
        return self._do(calls.costs(group_by, filters))

    def cancel(self, run_id: str) -> None:
        """Cancel a run.

        :raises RunConflict: when it has ended.
        """
        self._do(calls.cancel(run_id))

    def give_feedback(
        self, run_id: str, value: bool | float | str, *, kind: str | None = None, **fields: Any
    ) -> FeedbackEntry:
        """Give feedback on a run; given again by the same user, it takes the place of the first.

        :param kind: ``boolean``, ``number``, ``text`` or ``correction``; None: that of the value.
        :param fields: ``name``, ``comment`` and ``user_id``.
        """
        return self._do(calls.feedback(run_id, value, kind, fields))

    def workflows(self) -> tuple[WorkflowDetails, ...]:
        """Return the workflows with their schemas."""
        return self._do(calls.workflows())

    def _do(self, call: Call[T], *, polls: Polls | None = None) -> T:
        """Make a call, again where that may help.

        :param polls: the looks at a run, of which this is one; None: it is none.
        """
        retrying = self._retries.begin(self._http.base_url, has_begun=polls is not None)
        while True:
            outcome = self._attempt(call, None if polls is None else polls.look_seconds())
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return read(call, outcome)
            wait = retrying.wait_seconds(call, outcome)
            time.sleep(wait if polls is None else polls.limit(wait))

    def _attempt(self, call: Call[Any], seconds: float | None) -> Outcome:
        """Send a request.

        :param seconds: the patience with it; None: that of all requests.
        """
        self._check_usable()
        try:
            return self._http.request(**call.request(), timeout=self._options.timeout(seconds))
        except httpx.TransportError as error:
            return error
        except httpx.RequestError as error:
            raise unreadable(self._http.base_url) from error

    def _events(self, call: Call[Any]) -> Generator[StreamEvent]:
        """Follow the events, over as many connections as it takes."""
        retrying = self._retries.begin(self._http.base_url, has_begun=call.method == "GET")
        following = Following(call, retrying)
        while not following.is_over:
            outcome: Outcome = ENDED_EARLY
            try:
                with self._open(following.call) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return  # there is nothing behind the place where it begins
                    if response.is_success:
                        check_stream(response)
                        for message in EventSource(response).iter_sse():
                            yield following.read(message)
                    else:
                        response.read()
                        outcome = response
            except httpx.TransportError as error:
                outcome = error
            except httpx.RequestError as error:
                raise unreadable(self._http.base_url) from error
            if not following.is_over:
                time.sleep(following.wait_seconds(outcome))

    def _open(self, call: Call[Any]) -> AbstractContextManager[httpx.Response]:
        self._check_usable()
        request = call.request()
        request["headers"]["Accept"] = "text/event-stream"
        return self._http.stream(**request)

    def _check_usable(self) -> None:
        """See whether requests can be sent.

        :raises ClientError: when the client is closed.
        """
        if self._http.is_closed:
            raise ClientError("This client is closed: make another one.")
