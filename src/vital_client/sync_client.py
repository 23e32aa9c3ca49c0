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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._options = Options(
            base_url=base_url, key=key, tenant_id=tenant_id, user_id=user_id, timeout_seconds=timeout_seconds
        )
        self._retries = Retries(retries, reconnect_seconds)
        self._http = httpx.Client(**self._options.http(), transport=transport)

    def __enter__(self) -> Self:
        """Return the client; leaving the block closes its connections."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
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
        return self._do(calls.ask(self._options.question(query, fields), workflow, idempotency_key))

    @contextmanager
    def stream(
        self,
        query: str | None = None,
        *,
        workflow: str | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Iterator[Generator[StreamEvent]]:
        """Ask a question, and follow the run event by event; a lost connection resumes where it broke off.

        The parameters are those of `ask`. Iterating raises `RunWithoutAnswer` at the end of a failed run.
        """
        call = calls.ask(self._options.question(query, fields), workflow, idempotency_key)
        with closing(self._events(call)) as events:
            yield events

    @contextmanager
    def follow(self, run_id: str, *, after: int = 0) -> Iterator[Generator[StreamEvent]]:
        """Follow a run that has already started.

        :param after: the number of the last event you have; 0: none.
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
        """Resume a run that waits; tool calls that you do not name are denied.

        :param approved: ids of the suggested calls to make, or ``all`` to make all that are not denied.
        :param edited: changed arguments, by id; these calls are approved.
        :param denied: reasons for denied calls, by id.
        :param answers: values of paused nodes, by name.
        :param user_id: the person who decides.
        """
        user = user_id or self._options.user_id
        return self._do(
            calls.resume(run_id, approved, edited or {}, denied or {}, answers or {}, user, idempotency_key)
        )

    def start(
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
        return self._do(calls.in_background(call, webhook_url))

    def wait(self, run_id: str, *, timeout_seconds: float | None = None) -> RunAnswer:
        """Wait until a run ends or pauses for a person, and return its answer.

        :param timeout_seconds: seconds to wait; None: without a limit.
        :raises RunWithoutAnswer: when the run has ended without an answer.
        :raises WaitTimeout: when the run is still active after that time.
        """
        polls = Polls(run_id, timeout_seconds)
        while True:
            answer = self._do(calls.run(run_id), polls=polls).answer
            if answer is not None:
                return answer
            time.sleep(polls.wait_seconds())

    def run(self, run_id: str) -> RunDetails:
        """Return a stored run."""
        return self._do(calls.run(run_id))

    def answer(self, run_id: str) -> RunAnswer | None:
        """Return the answer of a run, or the approval or input that it waits for; None while it is running.

        :raises RunWithoutAnswer: when the run has ended without an answer.
        """
        return self.run(run_id).answer

    def runs(self, **filters: Any) -> ListedRuns:
        """Return a page of runs, newest first.

        :param filters: the query parameters of ``GET /v1/runs``, such as ``status``, ``limit`` and
            ``cursor``; ``from`` and ``to`` are called ``start`` and ``end`` here.
        """
        return self._do(calls.runs(filters))

    def costs(self, *, group_by: Sequence[str] = (), **filters: Any) -> CostSummary:
        """Return the sums of the costs in the ledger.

        :param group_by: any of ``tenant``, ``mode``, ``model``, ``agent``, ``workflow``, ``type`` and
            ``day``.
        :param filters: the query parameters of ``GET /v1/costs``, such as ``mode`` and ``agent``; ``from``
            and ``to`` are called ``start`` and ``end`` here.
        """
        return self._do(calls.costs(group_by, filters))

    def cancel(self, run_id: str) -> None:
        """Cancel a run.

        :raises RunConflict: when the run has already ended.
        """
        self._do(calls.cancel(run_id))

    def give_feedback(
        self, run_id: str, value: bool | float | str, *, kind: str | None = None, **fields: Any
    ) -> FeedbackEntry:
        """Give feedback on a run; later feedback of the same user replaces it.

        :param kind: ``boolean``, ``number``, ``text`` or ``correction``; None: the kind of the value.
        :param fields: ``name``, ``comment`` and ``user_id``.
        """
        return self._do(calls.feedback(run_id, value, kind, fields))

    def workflows(self) -> tuple[WorkflowDetails, ...]:
        """Return the workflows with their schemas."""
        return self._do(calls.workflows())

    def _do(self, call: Call[T], *, polls: Polls | None = None) -> T:
        """Make a call, and retry it where that may help.

        :param polls: the polling that this call belongs to; None: it is not a poll.
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

        :param seconds: the timeout of this request; None: the timeout of the client.
        """
        self._check_usable()
        try:
            return self._http.request(**call.request(), timeout=self._options.timeout(seconds))
        except httpx.TransportError as error:
            return error
        except httpx.RequestError as error:
            raise unreadable(self._http.base_url) from error

    def _events(self, call: Call[Any]) -> Generator[StreamEvent]:
        """Follow the events, reconnecting as often as necessary."""
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
        """Check whether requests can be sent.

        :raises ClientError: when the client is closed.
        """
        if self._http.is_closed:
            raise ClientError("This client is closed: create another one.")
