"""One model's try at an answer, and the account of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from vital_shared.billing.rates import Rates
from vital_shared.billing.run_context import (
    RunContext,
    current_account,
    current_node_name,
    current_run_context,
)
from vital_shared.errors import StoreError
from vital_shared.llm.base import (
    CallStarted,
    Model,
    ModelError,
    ModelEvent,
    ModelFailed,
    ModelHeldBack,
    ModelRequest,
    ModelTimeout,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    TextWithdrawn,
    Usage,
)
from vital_shared.llm.call_content import CallContent
from vital_shared.llm.call_metrics import count_call, count_failure
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.failing import as_model_error, is_own_cancellation
from vital_shared.llm.guarded import accounted
from vital_shared.llm.intake import Intake
from vital_shared.llm.recorded_prompt import recorded_call
from vital_shared.llm.routing.deployment import observer_of
from vital_shared.llm.tool_arguments import arguments_text
from vital_shared.llm.traced_content import traced_content
from vital_shared.logs import get_logger
from vital_shared.models.charge import MAX_CHARGE_NANOS, Charge
from vital_shared.models.model_call import CallStatus, ModelCall, Tokens
from vital_shared.models.money import to_dollars, to_nanos
from vital_shared.models.quality import HeldBackReason
from vital_shared.models.token_bound import TokenBound, max_tokens
from vital_shared.monitoring.ended_model_call import EndedModelCall
from vital_shared.monitoring.tracing import model_span

if TYPE_CHECKING:
    from vital_shared.monitoring.spans import ModelSpan

__all__ = ["Attempt"]

logger = get_logger(__name__)

FIRST_EXPECTED_TOKENS: Final = 64
"""Output that is charged for a call whose process died before much of it had come; doubled with what came."""

CHARACTERS_PER_TOKEN: Final = 3
"""Characters per token of the streamed text, for that estimate alone."""

_NO_USAGE: Final = Usage()

_CHUNKS: Final = (TextDelta, ReasoningDelta)

_HELD_BACK: Final[dict[StopReason, tuple[HeldBackReason, str]]] = {
    "content_filter": ("content_filtered", 'The filter of the model "{}" held its answer back.'),
    "refusal": ("refused", 'The model "{}" refused to answer.'),
    "recitation": (
        "recitation_blocked",
        'The provider of the model "{}" held its answer back, since it repeats a protected text.',
    ),
}


class Attempt:
    """One model's attempt at an answer: its stream, and its usage.

    :param model: the model that answers.
    :param request: the request, with the sources and tools that it may use.
    :param account: the pricing of the call.
    """

    def __init__(self, model: Model, request: ModelRequest, account: CallPricing) -> None:
        self.model = model
        self.has_emitted = False
        """Whether anything came of the answer, if only reasoning."""
        self.has_text = False
        """Whether some of its text came."""
        self.error: ModelError | None = None
        self._unannounced: StoreError | None = None
        self.call: ModelCall | None = None
        """The account, once it has ended; None where no call went out."""
        self._request = request
        self._account = account
        self._context = current_run_context.get()  # now: the task that closes it may have another
        self._node = current_node_name()
        self._charged_to = current_account()
        self._item: str | None = None
        self._started: CallStarted | None = None
        self._characters = 0
        self._expected_characters = 0
        """Characters that the expected charge covers."""
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._texts: list[str] = []
        is_stored = self._context is not None and self._context.records_calls
        self._content = CallContent() if is_stored else None
        """The call's words, which are stored with the run; None: they are not."""
        self._answer_texts: list[str] | None = [] if is_stored else None
        """The answer's own texts, for its span and the store; None: neither holds content."""
        self._requested: tuple[ModelToolCall, ...] = ()
        self._first: float | None = None
        self._intake: Intake | None = None
        self._start = 0.0
        self._span: ModelSpan | None = None

    async def events(self) -> AsyncGenerator[ModelEvent, None]:
        """Pass on what the model says.

        :raises ModelError: when it does not answer, or not to the end.
        """
        with self.recorded():
            async with aclosing(self.stream()) as events:
                async for event in events:
                    if type(event) is CallStarted:
                        await self.announce(event)
                    for part in self.take(event):
                        yield part

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record the call, however the block ends that reads `stream` to its end.

        :raises ModelError: when the model does not answer, or not to the end.
        :raises StoreError: when the call could not be announced, so that it was not made.
        """
        self._start = self._account.clock()
        self._span = self._begin_span()
        observer = observer_of(self.model)
        if observer is not None:
            observer.began()
        status: CallStatus = "cancelled"
        try:
            yield
            self._check_whole()
            status = "success"
        except asyncio.CancelledError as error:
            if is_own_cancellation():
                raise
            status = "failed"
            raise self._failed(error) from error
        except Exception as error:  # whatever a model raises is a failed call, and no failed run
            if error is self._unannounced:
                raise
            failure = self._failed(error)
            status = "timeout" if isinstance(failure, ModelTimeout) else "failed"
            if failure is error:
                raise
            raise failure from error
        finally:
            seconds = self._account.clock() - self._start
            if observer is not None:
                observer.ended(status, seconds, self._first)
            self._account_for(status, seconds, self._span)

    def stream(self) -> AsyncGenerator[ModelEvent, None]:
        """Return the model's own events; pass each to `take`."""
        request = self._request
        if self._content is not None:
            request = request.model_copy(update={"content": self._content})
        with accounted():
            stream = self.model.stream(request)
        return stream if self._span is None else self._span.around(stream, _CHUNKS)

    async def announce(self, started: CallStarted) -> None:
        """Let the request of a call leave, once what it is expected to cost is written down.

        :param started: the model's first event, which comes before its request leaves; `take` it then.
        :raises StoreError: when the run is durable, and this could not be stored.
        """
        if self._context is None or not isinstance(started.prompt, str):
            return
        charge = self._expected(self._context, started)
        if charge is not None:
            try:
                await self._context.announce(charge)
            except StoreError as error:
                self._unannounced = error
                raise

    def take(self, event: ModelEvent) -> Sequence[ModelEvent]:
        """Note an event of the model, and return its parts that are passed on."""
        if self._intake is None:  # with the first event, which may say how long the answer is to be
            asked = event.max_output_tokens if isinstance(event, CallStarted) else None
            self._intake = Intake(self.model.name, asked or self._request.max_output_tokens)
        try:
            parts = self._intake.take(event)
        except ModelFailed as error:
            if isinstance(event, TextDelta | ReasoningDelta):  # written, and to be paid for
                self._texts.append(event.text)
                error.has_begun = True
            raise
        for part in parts:
            if type(part) is TextDelta:
                self._note_text(part.text)
                if self._answer_texts is not None:
                    self._answer_texts.append(part.text)
                if not self.has_text:
                    self.has_text = bool(part.text.strip())
            else:
                self._note(part)
        return parts

    def _begin_span(self) -> ModelSpan | None:
        try:
            session = None if self._context is None else self._context.request.session_id
            operation = getattr(self.model, "operation", "chat")
            span = model_span(self.model.name, self._node, session, operation=operation)
            return None if span is None else self._with_input(span)
        except Exception:
            logger.exception("model_span_failed", model=self.model.name)
            return None

    def _failed(self, error: BaseException) -> ModelError:
        self.error = as_model_error(error, self.model.name)
        self.error.was_shown = self.error.was_shown or getattr(self.model, "has_passed_on", False)
        count_failure(self.error, cut=self.has_text)
        return self.error

    def _account_for(self, status: CallStatus, seconds: float, span: ModelSpan | None) -> None:
        """Write the call down; what fails here fails no run."""
        try:
            if self._started is not None or self._usage is not None:
                self.call = self._record(self._started or CallStarted(prompt=""), status, seconds)
                if self._context is not None and self._item is not None:
                    self._context.add_call(self._item, self.call)
                count_call(self.call, self._context)
                self._store_words(self.call)
            if span is not None:
                self._end_span(span, status)
        except Exception:
            logger.exception("model_call_not_recorded", model=self.model.name, status=status)

    def _store_words(self, call: ModelCall) -> None:
        """Keep what was said with the run; where that fails, the run counts one more call as not stored."""
        if self._content is None or self._context is None or self._item is None:
            return
        try:
            texts = self._answer_texts or ()
            self._context.record(recorded_call(self._item, call, self._content, texts, self._requested))
        except Exception:
            logger.exception("model_call_words_not_stored", model=self.model.name)

    def _with_input(self, span: ModelSpan) -> ModelSpan:
        content = traced_content()
        if content is not None:
            self._answer_texts = self._answer_texts or []
            span.note(content.input_of(self._request, self._run_id))
        return span

    @property
    def _run_id(self) -> str:
        return "" if self._context is None else self._context.run_id

    def _end_span(self, span: ModelSpan, status: CallStatus) -> None:
        stop, content = self._stop, traced_content()
        if content is not None and self._answer_texts is not None:
            reason = status if stop is None else stop.reason
            span.note(content.output_of(self._answer_texts, reason, self._run_id))
        span.end(
            EndedModelCall(
                status=status,
                call=self.call,
                stop=None if stop is None else stop.reason,
                response_id=None if stop is None else stop.response_id,
                response_model=None if stop is None else stop.response_model,
                error=self.error,
            )
        )

    def _check_whole(self) -> None:
        name, stop = self.model.name, self._stop
        request_id = stop.request_id if stop else None
        if stop is None:
            raise ModelUnavailable(f'The model "{name}" broke off.', model=name, kind="cut")
        if self.has_text or self._request.task == "tools" or self._request.is_relayed:
            return
        if stop.reason == "tool_calls" and self._request.may_call:
            return
        held = _HELD_BACK.get(stop.reason)
        if held is not None:
            reason, words = held
            raise ModelHeldBack(words.format(name), model=name, reason=reason, request_id=request_id)
        raise ModelUnavailable(
            f'The model "{name}" wrote nothing.', model=name, request_id=request_id, kind="bad_answer"
        )

    def _note_text(self, text: str) -> None:
        self._texts.append(text)
        self._characters += len(text)
        if self._characters > self._expected_characters:
            self._expect_more()
        if self._first is None:
            self._first = self._account.clock() - self._start
        self.has_emitted = True

    def _note(self, event: ModelEvent) -> None:
        if isinstance(event, ReasoningDelta):
            self._note_text(event.text)
        elif isinstance(event, TextWithdrawn):
            self.has_text = False  # as if none had come: another model may still answer
            if self._answer_texts is not None:
                self._answer_texts.clear()
        elif isinstance(event, ModelToolCall):
            self._texts.append(f"{event.name} {arguments_text(event.arguments)}")  # written, too
            self.has_emitted = True
        elif isinstance(event, ModelTurn):
            self._requested = event.calls
        elif isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, CallStarted) and isinstance(event.prompt, str):
            self._started = event
            if self._span is not None and event.parameters is not None:
                self._span.sent(event.parameters)

    def _expect_more(self) -> None:
        """Note what the call will have cost should the process die; as its answer grows, ever less often."""
        if self._context is None or self._started is None:
            self._expected_characters = sys.maxsize
            return
        charge = self._expected(self._context, self._started)
        if charge is not None:
            self._context.expect(charge)

    def _expected(self, context: RunContext, started: CallStarted) -> Charge | None:
        """Return what the call will have cost, should it end here; what fails here fails no run."""
        asked = started.max_output_tokens or self._request.max_output_tokens
        output = FIRST_EXPECTED_TOKENS
        while output * CHARACTERS_PER_TOKEN < self._characters:
            output *= 2
        self._expected_characters = output * CHARACTERS_PER_TOKEN
        output = output if asked is None else min(output, asked)
        try:
            tokens = Tokens(input=started.input_tokens, output=output, estimated=True)
            rates = self._account.rates(self.model.name, tokens)
            nanos = rates.nanos(tokens) if rates else 0
            return self._charge_of("cancelled", tokens, rates, nanos, context, clamped=False)
        except Exception:
            logger.exception("expected_charge_not_noted", model=self.model.name)
            return None

    def _record(self, started: CallStarted, status: CallStatus, seconds: float) -> ModelCall:
        name, counted = self.model.name, self._tokens(started)
        tokens = self._bound(started, counted).limit(counted)
        request_id = self._stop.request_id if self._stop else self.error.request_id if self.error else None
        stated = self._usage.provider_cost if self._usage and self._stop else None
        rates, nanos = self._account.cost(name, tokens, stated)
        self._charge(status, tokens, rates, nanos or 0, counted)
        return ModelCall(
            model=name,
            node=self._node,
            purpose=self._request.task,
            prompt=started.prompt,
            status=status,
            error=self.error.message if self.error else None,
            request_id=request_id,
            tokens=tokens,
            cost_dollars=None if nanos is None else to_dollars(nanos),
            seconds=seconds,
            first_token_seconds=self._first,
        )

    def _bound(self, started: CallStarted, counted: Tokens) -> TokenBound:
        """Return the most tokens that the call can have taken; the text is counted only where it decides."""
        request = self._request
        known = partial(
            max_tokens,
            sent=started.input_tokens,
            asked=request.max_output_tokens,
            is_relayed=request.is_relayed,
        )
        bound = known(written=0)
        if counted.output <= bound.output:
            return bound
        return known(written=self._account.count(self._written()))

    def _charge(
        self, status: CallStatus, tokens: Tokens, rates: Rates | None, nanos: int, counted: Tokens
    ) -> None:
        clamped = tokens is not counted and tokens != counted
        if clamped:
            logger.warning(
                "charge_clamped",
                model=self.model.name,
                counted=counted.model_dump(),
                charged=tokens.model_dump(),
            )
        if self._context is None:
            return
        self._context.add(self._charge_of(status, tokens, rates, nanos, self._context, clamped=clamped))

    def _charge_of(
        self,
        status: CallStatus,
        tokens: Tokens,
        rates: Rates | None,
        nanos: int,
        context: RunContext,
        *,
        clamped: bool,
    ) -> Charge:
        usage = self._usage or _NO_USAGE
        self._item = self._item or context.next_item("llm")
        return Charge.bounded(
            item=self._item,
            cost_type="llm",
            name=self.model.name,
            status=status,
            node=self._node,
            account=self._charged_to,
            tokens=tokens,
            unit_prices=None if rates is None else rates.in_dollars(tokens.details),
            cost_nanos=nanos,
            max_nanos=MAX_CHARGE_NANOS,
            clamped=clamped,
            raw_usage=usage.raw,
            provider_cost_nanos=None if usage.provider_cost is None else to_nanos(usage.provider_cost),
        )

    def _tokens(self, started: CallStarted) -> Tokens:
        """Take the provider's count of a whole answer; of half of one, or for a zero, what we know of it."""
        usage = self._usage or _NO_USAGE
        is_complete = self._usage is not None and self._stop is not None
        charged = self.has_emitted or self._usage is not None or self._may_be_charged()
        if not is_complete and not charged:
            return Tokens()
        read, written = usage.input_tokens, usage.output_tokens
        # A prompt that was not counted here is one of a model that counts for itself, and may cost nothing.
        counts_itself = is_complete and started.input_tokens == 0
        if not is_complete or (read == 0 and not counts_itself):
            read = max(read, started.input_tokens)
        if not is_complete or (written == 0 and not counts_itself):
            written = max(written, self._account.count(self._written()))
        is_counted = is_complete and (read, written) == (usage.input_tokens, usage.output_tokens)
        return Tokens(
            input=read,
            cached_input=usage.cached_input_tokens,
            cache_write=usage.cache_write_tokens,
            output=written,
            reasoning=usage.reasoning_tokens,
            estimated=usage.estimated or usage.corrected or not is_counted,
            details=usage.details,
        )

    def _may_be_charged(self) -> bool:
        """Return whether the prompt went out and was not refused: a late or broken call is paid for, too."""
        if self.error is None:
            return True  # cancelled
        if isinstance(self.error, ModelHeldBack) and self.error.reason == "guardrail":
            return True  # written, and withheld here
        return self.error.has_begun or (isinstance(self.error, ModelTimeout) and self.error.sent)

    def _written(self) -> str:
        """Return what the model has written, as far as it is known."""
        passed = "".join(self._texts)
        withheld = self.error.withheld if isinstance(self.error, ModelHeldBack) else ""
        return max(passed, withheld, key=len)
