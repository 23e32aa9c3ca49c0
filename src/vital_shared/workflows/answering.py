"""Write one answer: call a model, make the tool calls that it requests, and call it again, within limits."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Final

from vital_shared.graph import Step
from vital_shared.llm.base import (
    CitationRemoved,
    Cited,
    Model,
    ModelError,
    ModelEvent,
    ModelHeldBack,
    ModelRequest,
    ModelTurn,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    TextWithdrawn,
    ToolExchange,
)
from vital_shared.llm.chain import Chain
from vital_shared.models.answer import Answer
from vital_shared.models.citation import Citation
from vital_shared.models.model_call import ModelCall, total_tokens
from vital_shared.models.quality import AnswerEnding, AnswerWarning, HeldBackReason
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.workflows.tool_loop import ToolLoop

__all__ = ["Answering", "Chunk", "unknown_price"]

Chunk = TextDelta | Cited | ReasoningDelta | ToolCall | ToolResult | Step


MAX_TOOL_ROUNDS: Final = 5
"""Rounds of tool calls before the model has to answer."""

MAX_LOOP_SECONDS: Final = 60.0
"""Seconds after which the model has to answer with what there is."""

DEFAULT_MAX_COST_DOLLARS: Final = Decimal(1)
"""The cost limit of a loop whose run has no limit of its own."""

MAX_ANSWER_CHARACTERS: Final = 1_000_000
"""Length of an answer at which its loop ends: what is written in all of its rounds."""

MAX_MARKERS_NAMED: Final = 10
"""Citations taken out that are warned of one by one."""

_ENDINGS: Final[dict[StopReason, AnswerEnding]] = {
    "length": "truncated",
    "content_filter": "content_filtered",
    "refusal": "refused",
    "recitation": "recitation_blocked",
}
"""Stop reasons after which the text is not whole."""


class Answering:
    """An answer that is being written.

    :param request: the sources that the models may use; the tools come from the loop.
    :param models: a function that returns the models for the request, in order, and reserves their cost.
    :param chain: a function that makes a chain of models.
    :param loop: the loop that makes the calls that a model requests.
    :param left: a function that returns the dollars left to spend, while no call is running; None: only the
        loop's own limit applies.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        request: ModelRequest,
        models: Callable[[ModelRequest], Awaitable[Sequence[Model]]],
        chain: Callable[[Sequence[Model]], Chain],
        loop: ToolLoop,
        left: Callable[[], Decimal | None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        offered = loop.definitions
        self.request = request.model_copy(update={"tools": offered}) if offered else request
        """The request, with the rounds of the loop so far."""
        self._models = models
        self._chain = chain
        self._loop = loop
        self._money_left = left
        dollars = left()
        self._limit = DEFAULT_MAX_COST_DOLLARS if dollars is None else dollars
        self._clock = clock
        self._began = clock()
        self._rounds = 0
        self._texts: list[str] = []
        self._round_start = 0
        """The number of pieces of text before the last round."""
        self._citations: dict[int, Citation] = {}
        self._removed: list[str] = []
        self._calls: list[ModelCall] = []
        self._model: Model | None = None
        self.first_error: ModelError | None = None
        """The reason why another model than the first choice has answered."""
        self._held_back: HeldBackReason | None = None
        """The reason why a model that was asked kept its answer to itself."""
        self._last_answers = False
        """Whether the last of all models stands in for those that the user asked for."""
        self.broken: ModelError | None = None
        """The reason why the text ends midway."""
        self._stop = Stop(reason="end")
        self._turn = ModelTurn()

    def rounds(self) -> Iterator[AsyncGenerator[Chunk, None]]:
        """Write, round by round; read each to its end, or close it, which ends every call.

        Iterating a round raises `ModelError` when no model has written anything.
        """
        while True:
            yield self._ask()
            if self.broken or self._stop.reason != "tool_calls" or not self.request.may_call:
                return
            self._check_bounds()
            yield self._call_tools()

    @property
    def model_name(self) -> str:
        """The name of the model that has answered; empty: none has."""
        return self._model.name if self._model else ""

    @property
    def held_back(self) -> HeldBackReason | None:
        """The first cause for which a model that was asked kept its answer to itself."""
        return self._held_back

    @property
    def loop_ended(self) -> str | None:
        """The reason why the model may call no more tools; None: it may."""
        return self._loop.ended

    @property
    def last_text(self) -> str:
        """The text of the last round, behind the last tool call."""
        return "".join(self._texts[self._round_start :]).strip()

    @property
    def _spent(self) -> Decimal:
        models = (call.cost_dollars for call in self._calls if call.cost_dollars is not None)
        return sum(models, self._loop.cost_dollars)

    def _left(self) -> Decimal:
        left = self._money_left()
        return self._limit - self._spent if left is None else left

    async def _ask(self) -> AsyncGenerator[Chunk, None]:
        """Let a model write, until it has answered or asks for tools."""
        self._rounds += 1
        step = f"model_{self._rounds}"
        yield Step(step)
        models = await self._models(self.request)
        chain = self._chain(self._from_here_on(models))
        self._round_start, earlier_citations = len(self._texts), dict(self._citations)
        gap = "\n\n" if self._texts else ""  # what was said before the tools ran is a paragraph of its own
        try:
            async with aclosing(chain.stream(self.request)) as events:
                async for event in events:
                    if type(event) is TextDelta:
                        chunk, gap = TextDelta(text=gap + event.text) if gap else event, ""
                        self._texts.append(chunk.text)
                        yield chunk
                        continue
                    if isinstance(event, TextWithdrawn):
                        del self._texts[self._round_start :]
                        gap = "\n\n" if self._texts else ""
                        self._citations = dict(earlier_citations)
                    elif isinstance(event, Cited | ReasoningDelta):
                        yield event
                    self._keep(event)
        except ModelError as error:
            if not any(map(str.strip, self._texts)):
                raise
            self.broken = error  # half an answer beats none, and says that it is one
        finally:
            self._note(chain)
        yield Step(step, "failed" if self.broken else "success")

    def _from_here_on(self, models: Sequence[Model]) -> Sequence[Model]:
        """Return the model that has answered so far, and those behind."""
        names = [model.name for model in models]
        if self._model is None or self._model.name not in names:
            return models
        return models[names.index(self._model.name) :]

    def _keep(self, event: ModelEvent) -> None:
        if isinstance(event, Cited):
            self._citations[event.citation.number] = event.citation
        elif isinstance(event, CitationRemoved):
            self._removed.append(event.marker)
        elif isinstance(event, ModelTurn):
            self._turn = event
        elif isinstance(event, Stop):
            self._stop = event

    def _note(self, chain: Chain) -> None:
        self._calls += chain.calls
        if chain.errors and self.first_error is None and chain.errors[-1] is not self.broken:
            self.first_error = chain.errors[0]
        self._model = chain.answered or self._model
        held_back = (error.reason for error in chain.errors if isinstance(error, ModelHeldBack))
        self._held_back = self._held_back or next(held_back, None)
        self._last_answers = chain.answered is not None and chain.answered is chain.last_resort

    def _check_bounds(self) -> None:
        if self._rounds >= MAX_TOOL_ROUNDS:
            self._loop.end(f"the model has asked for tools {MAX_TOOL_ROUNDS} times")
        elif self._clock() - self._began > MAX_LOOP_SECONDS:
            self._loop.end(f"the model has called tools for more than {MAX_LOOP_SECONDS:.0f} seconds")
        elif sum(map(len, self._texts)) >= MAX_ANSWER_CHARACTERS:
            self._loop.end("the answer is as long as it may be")
        elif self._left() <= 0:
            self._loop.end(f"the answer has cost its limit of ${self._limit}")

    async def _call_tools(self) -> AsyncGenerator[Chunk, None]:
        """Make the calls that the model asks for, and put what they gave into the next request."""
        step = f"tools_{self._rounds}"
        yield Step(step)
        calls = self._loop.plan(self._turn.calls, self._left())
        await self._loop.hold(calls)
        for call in calls:
            yield call
        for result in await self._loop.make(calls):
            yield result
        exchange = ToolExchange(turn=self._turn, results=self._loop.results(self._turn.calls))
        self.request = self.request.model_copy(
            update={
                "exchanges": (*self.request.exchanges, exchange),
                "may_call": self._loop.ended is None,
            }
        )
        yield Step(step, "success")

    def answer(self) -> Answer:
        """Return the whole answer."""
        return Answer(
            text="".join(self._texts),
            citations=tuple(self._citations[number] for number in sorted(self._citations)),
            model=self.model_name,
            tokens=total_tokens(self._calls),
            abstained=self._stop.reason == "no_answer",
            estimate=self._stop.estimate,
            ending=self.ending,
            held_back=self._held_back,
            fallback_error=self.first_error.message if self.first_error else None,
            calls=tuple(self._calls),
            tool_results=(*self._loop.made, *self._loop.denied),
            warnings=tuple(self._warnings()),
        )

    @property
    def ending(self) -> AnswerEnding:
        if isinstance(self.broken, ModelHeldBack):
            return self.broken.reason
        if self.broken is not None:
            return "cut_off"
        if self._held_back is not None and self._last_answers:
            return self._held_back  # quotes of documents are not the answer that was held back
        return _ENDINGS.get(self._stop.reason, "whole")

    def _warnings(self) -> Iterator[AnswerWarning]:
        markers = list(dict.fromkeys(self._removed))
        for marker in markers[:MAX_MARKERS_NAMED]:
            yield AnswerWarning(
                type="citation_removed",
                message=f"The answer cited {marker}, which is not one of its sources, so it was removed.",
            )
        if len(markers) > MAX_MARKERS_NAMED:
            more = len(markers) - MAX_MARKERS_NAMED
            yield AnswerWarning(type="citation_removed", message=f"{more} more of these were removed.")
        if self.broken is not None:
            yield AnswerWarning(type="degraded", message=f"The answer ends midway: {self.broken.message}")
        if self._loop.ended is not None:
            yield AnswerWarning(
                type="tool_loop_ended", message=f"No more tools were called, since {self._loop.ended}."
            )
        for name in dict.fromkeys(call.model for call in self._calls if call.cost_dollars is None):
            yield unknown_price(name)


def unknown_price(model: str) -> AnswerWarning:
    """Warn that a model was asked whose price nobody knows."""
    return AnswerWarning(
        type="unknown_price",
        message=f'The price of the model "{model}" is not known, so the cost is too low.',
    )
