"""Chains of models: who answers, what it costs, and what is cancelled."""

import asyncio
from contextlib import aclosing, suppress
from decimal import Decimal

import pytest

from vital_shared.billing.rates import Rates
from vital_shared.breaker import BREAKER_FAILURES, ModelBreakers
from vital_shared.hedge_budget import HedgeBudget
from vital_shared.llm.base import (
    CallStarted,
    ModelError,
    ModelFailed,
    ModelRateLimited,
    ModelRejected,
    ModelRequest,
    ModelTimeout,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    TextDelta,
    TextWithdrawn,
    Usage,
)
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.chain import Chain
from vital_shared.monitoring.metrics import LLM_HEDGES_TOTAL, MODEL
from vital_shared.testing import ScriptedModel, asks_for, counted, says

QUESTION = ModelRequest(question="?")
PRICES = {"dear": Decimal(1000), "cheap": Decimal(100), "last": Decimal(0)}


def rates(model, _tokens):
    return None if model not in PRICES else Rates.of(input=PRICES[model], output=PRICES[model])


def account():
    return CallPricing(rates, count=lambda text: len(text.split()))


def down(name):
    return ModelUnavailable("It is down.", model=name)


def late(name, **given):
    return ModelTimeout("It is late.", model=name, **given)


def chain(*models, breakers=None, hedge=None, hedges=None):
    return Chain(models, breakers or ModelBreakers().of_tenant("acme"), account(), hedge, hedges)


async def text_of(chain, request=QUESTION):
    async with aclosing(chain.stream(request)) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


class Prompted(ScriptedModel):
    """One that says how long its prompt is."""

    async def stream(self, request):
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield (
                    CallStarted(prompt="answer@1", input_tokens=100)
                    if isinstance(event, CallStarted)
                    else event
                )


async def test_the_first_that_answers_does_and_the_others_are_not_asked():
    second = ScriptedModel(name="last")
    asked = chain(ScriptedModel(says("Yes."), name="dear"), second)
    assert await text_of(asked) == "Yes."
    assert asked.answered.name == "dear"
    assert asked.errors == []
    assert second.requests == []


async def test_each_failure_moves_on_to_the_next_and_every_call_is_accounted_for():
    asked = chain(
        Prompted([down("dear")], name="dear"),
        Prompted([late("cheap")], name="cheap"),
        ScriptedModel(says("At last."), name="last"),
    )
    assert await text_of(asked) == "At last."
    assert [(call.model, call.status, call.cost_dollars) for call in asked.calls] == [
        ("dear", "failed", Decimal(0)),  # turned away: nothing was read
        ("cheap", "timeout", Decimal("0.0100")),  # 100 tokens went out, and may be charged
        ("last", "success", Decimal(0)),
    ]
    assert [str(error) for error in asked.errors] == ["It is down.", "It is late."]
    assert asked.calls[1].tokens.estimated


async def test_a_prompt_that_never_went_out_costs_nothing():
    asked = chain(Prompted([late("dear", sent=False)], name="dear"), ScriptedModel(says("Yes."), name="last"))
    await text_of(asked)
    assert asked.calls[0].tokens.total == 0


async def test_what_no_table_prices_is_not_free():
    asked = chain(ScriptedModel(says("Yes."), name="nobody:knows"))
    await text_of(asked)
    assert asked.calls[0].cost_dollars is None


async def test_no_second_answer_stands_behind_half_of_a_first():
    second = ScriptedModel(says("No."), name="last")
    asked = chain(Prompted([TextDelta(text="one two "), down("dear")], name="dear"), second)
    with pytest.raises(ModelUnavailable):
        await text_of(asked)
    assert second.requests == []
    (call,) = asked.calls
    assert (call.tokens.input, call.tokens.output, call.tokens.estimated) == (100, 2, True)
    assert call.cost_dollars == Decimal("0.102")


async def test_reasoning_alone_is_no_answer_yet():
    asked = chain(
        Prompted([ReasoningDelta(text="hm "), down("dear")], name="dear"),
        ScriptedModel(says("Yes."), name="last"),
    )
    assert await text_of(asked) == "Yes."


@pytest.mark.parametrize("script", [says(""), (Stop(reason="content_filter"),), (Usage(),)])
async def test_an_empty_filtered_or_unfinished_answer_is_none(script):
    script = [event for event in script if not (isinstance(event, TextDelta) and not event.text)]
    asked = chain(ScriptedModel(script, name="dear"), ScriptedModel(says("Yes."), name="last"))
    assert await text_of(asked) == "Yes."
    assert len(asked.errors) == 1


async def test_a_model_that_wants_tools_has_answered_unless_it_may_not():
    asked = chain(
        ScriptedModel(asks_for("calculator"), name="dear"), ScriptedModel(says("Yes."), name="last")
    )
    assert await text_of(asked) == ""
    asked = chain(
        ScriptedModel(asks_for("calculator"), name="dear"), ScriptedModel(says("Yes."), name="last")
    )
    assert await text_of(asked, QUESTION.model_copy(update={"may_call": False})) == "Yes."


async def test_an_open_breaker_saves_the_call():
    breakers = ModelBreakers().of_tenant("acme")
    first = ScriptedModel(*[[down("dear")]] * BREAKER_FAILURES, name="dear")
    for _ in range(BREAKER_FAILURES + 1):
        asked = chain(first, ScriptedModel(says("Yes."), name="last"), breakers=breakers)
        assert await text_of(asked) == "Yes."
    assert len(first.requests) == BREAKER_FAILURES
    assert "not used for now" in str(asked.errors[0])
    assert len(asked.calls) == 1


async def test_a_rejected_call_does_not_open_the_breaker():
    breakers = ModelBreakers().of_tenant("acme")
    for _ in range(BREAKER_FAILURES + 1):
        rejected = ScriptedModel([ModelRejected("Bad key.", model="dear")], name="dear")
        await text_of(chain(rejected, ScriptedModel(says("Yes."), name="last"), breakers=breakers))
    assert breakers.allows("dear")


async def test_a_rate_limit_that_one_tenant_meets_leaves_the_model_to_the_others():
    breakers = ModelBreakers()
    acme, other = breakers.of_tenant("acme"), breakers.of_tenant("other")
    for _ in range(BREAKER_FAILURES):
        too_long = ScriptedModel([ModelRateLimited("Too many tokens.", model="dear")], name="dear")
        await text_of(chain(too_long, ScriptedModel(says("Yes."), name="last"), breakers=acme))
    model = ScriptedModel(says("Here."), says("Here."), name="dear")
    spared = chain(model, ScriptedModel(says("Yes."), name="last"), breakers=acme)
    assert await text_of(spared) == "Yes."
    assert spared.errors[0].retry_after_seconds > 0
    assert await text_of(chain(model, ScriptedModel(says("Yes."), name="last"), breakers=other)) == "Here."
    assert breakers.left_alone == frozenset()


@pytest.mark.parametrize(
    "odd", [ModelUnavailable("It wrote nothing.", model="dear", kind="bad_answer"), ValueError("no number")]
)
async def test_odd_answers_to_one_tenant_leave_the_model_to_the_others(odd):
    breakers = ModelBreakers()
    acme, other = breakers.of_tenant("acme"), breakers.of_tenant("other")
    for _ in range(BREAKER_FAILURES):
        failing = ScriptedModel([odd], name="dear")
        await text_of(chain(failing, ScriptedModel(says("Yes."), name="last"), breakers=acme))
    assert not acme.allows("dear")
    model = ScriptedModel(says("Here."), name="dear")
    assert await text_of(chain(model, ScriptedModel(says("Yes."), name="last"), breakers=other)) == "Here."
    assert breakers.left_alone == frozenset()


async def test_the_last_models_failure_is_raised():
    with pytest.raises(ModelUnavailable):
        await text_of(chain(ScriptedModel([down("last")], name="last")))


async def test_closing_it_midway_ends_the_call_and_accounts_for_what_came():
    asked = chain(Prompted([TextDelta(text="one two"), asyncio.Event()], name="dear"))
    async with aclosing(asked.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    (call,) = asked.calls
    assert (call.status, call.tokens.input, call.tokens.output) == ("cancelled", 100, 2)


async def test_a_late_first_text_starts_a_second_model_and_the_loser_is_cancelled():
    never = asyncio.Event()
    slow = Prompted([never, TextDelta(text="late")], name="dear")
    asked = chain(slow, ScriptedModel(says("Quick."), name="cheap"), ScriptedModel(name="last"), hedge=0.01)
    assert await text_of(asked) == "Quick."
    assert asked.answered.name == "cheap"
    assert [(call.model, call.status) for call in asked.calls] == [
        ("dear", "cancelled"),
        ("cheap", "success"),
    ]
    assert asked.calls[0].cost_dollars == Decimal("0.100")
    assert len(asyncio.all_tasks()) == 1


async def test_a_quick_first_model_has_no_rival():
    second = ScriptedModel(name="cheap")
    asked = chain(ScriptedModel(says("Yes."), name="dear"), second, ScriptedModel(name="last"), hedge=60)
    assert await text_of(asked) == "Yes."
    assert second.requests == []


async def test_in_a_race_failures_start_the_next_at_once_and_the_last_stands_by():
    asked = chain(
        ScriptedModel([down("dear")], name="dear"),
        ScriptedModel([ReasoningDelta(text="hm"), down("cheap")], name="cheap"),
        ScriptedModel(says("Yes."), name="last"),
        hedge=60,
    )
    assert await text_of(asked) == "Yes."
    assert [call.model for call in asked.calls] == ["dear", "cheap", "last"]
    assert len(asked.errors) == 2


async def test_the_first_may_still_win_the_race():
    gate = asyncio.Event()

    class Opens(ScriptedModel):
        async def stream(self, request):
            gate.set()  # the rival has begun: now the first one comes
            await asyncio.Event().wait()
            yield

    asked = chain(
        ScriptedModel([gate, *says("First.")], name="dear"),
        Opens(name="cheap"),
        ScriptedModel(name="last"),
        hedge=0.01,
    )
    assert await text_of(asked) == "First."
    assert asked.answered.name == "dear"


async def test_only_a_share_of_the_calls_is_hedged():
    MODEL.earn("dear")
    hedges = HedgeBudget(0.5)
    counts = dict.fromkeys(("won", "over_budget"), 0.0)
    for outcome in counts:
        counts[outcome] = LLM_HEDGES_TOTAL.labels("dear", outcome).value
    answers = []
    for _ in range(4):
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, gate.set)
        first = ScriptedModel([gate, *says("First.")], name="dear")
        asked = chain(
            first,
            ScriptedModel(says("Second."), name="cheap"),
            ScriptedModel(name="last"),
            hedge=0.01,
            hedges=hedges,
        )
        answers.append(await text_of(asked))
    assert answers == ["First.", "Second.", "First.", "Second."]
    assert LLM_HEDGES_TOTAL.labels("dear", "won").value == counts["won"] + 2
    assert LLM_HEDGES_TOTAL.labels("dear", "over_budget").value == counts["over_budget"] + 2


async def test_closing_a_race_ends_both():
    asked = chain(
        ScriptedModel([asyncio.Event()], name="dear"),
        ScriptedModel([TextDelta(text="a"), asyncio.Event()], name="cheap"),
        ScriptedModel(name="last"),
        hedge=0.01,
    )
    async with aclosing(asked.stream(QUESTION)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert {call.status for call in asked.calls} == {"cancelled"}
    assert len(asked.calls) == 2
    assert len(asyncio.all_tasks()) == 1


class SlowToClose(ScriptedModel):
    """A model that answers nothing, and whose connection takes its time to close."""

    def __init__(self, name):
        super().__init__([asyncio.Event()], name=name)
        self.begun, self.closing = asyncio.Event(), asyncio.Event()
        self.is_closed = False

    async def stream(self, request):
        self.begun.set()
        try:
            async for event in super().stream(request):
                yield event
        finally:
            self.closing.set()
            await asyncio.sleep(0.01)
            self.is_closed = True


async def test_a_race_that_is_cancelled_twice_ends_both():
    """The client goes, and then the run's deadline is over: no call goes on that nobody accounts for."""
    models = [SlowToClose("dear"), SlowToClose("cheap")]
    asked = chain(*models, ScriptedModel(name="last"), hedge=0.01)

    async def ask():
        async with aclosing(asked.stream(QUESTION)) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(ask())
    await models[1].begun.wait()
    task.cancel()
    await models[0].closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(model.is_closed for model in models)
    assert [call.status for call in asked.calls] == ["cancelled", "cancelled"]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("hedge", [None, 60])
@pytest.mark.parametrize(
    "error",
    [
        TypeError("odd"),
        ValueError("odd"),
        RecursionError(),
        MemoryError(),
        OSError("odd"),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
async def test_any_exception_of_a_model_is_a_failed_call_that_the_next_model_answers(error, hedge, caplog):
    breakers = ModelBreakers().of_tenant("acme")
    for _ in range(BREAKER_FAILURES):
        odd = ScriptedModel([error], name="dear")
        asked = chain(odd, ScriptedModel(says("Fine."), name="last"), breakers=breakers, hedge=hedge)
        assert await text_of(asked) == "Fine."
        assert isinstance(asked.errors[0], ModelFailed)
        assert asked.errors[0].__cause__ is error
        assert [call.status for call in asked.calls] == ["failed", "success"]
    assert not breakers.allows("dear")
    logged = [record for record in caplog.records if "model_call_failed" in record.getMessage()]
    assert len(logged) == BREAKER_FAILURES


async def test_a_racer_that_fails_oddly_leaves_the_other_alone():
    gate = asyncio.Event()

    class Odd(ScriptedModel):
        async def stream(self, request):
            gate.set()
            raise TypeError
            yield

    slow = ScriptedModel([gate, *says("Slow and fine.")], name="dear")
    asked = chain(slow, Odd(name="cheap"), ScriptedModel(name="last"), hedge=0.0)
    assert await text_of(asked) == "Slow and fine."
    assert [type(error) for error in asked.errors] == [ModelFailed]


async def test_a_model_whose_stream_cannot_begin_is_a_failed_call():
    class Broken(ScriptedModel):
        def stream(self, request):
            raise TypeError("odd")

    asked = chain(Broken(name="dear"), ScriptedModel(says("Fine."), name="last"))
    assert await text_of(asked) == "Fine."


async def test_no_price_and_no_count_of_tokens_fail_no_call():
    def failing(*_args):
        raise ZeroDivisionError

    model = ScriptedModel([TextDelta(text="Fine."), Stop(reason="end")], name="dear")
    asked = Chain([model], ModelBreakers().of_tenant("acme"), CallPricing(failing, failing))
    assert await text_of(asked) == "Fine."
    (call,) = asked.calls
    assert (call.status, call.cost_dollars) == ("success", None)
    assert call.tokens.estimated


async def test_a_cancelled_call_is_cancelled():
    asked = chain(ScriptedModel([asyncio.Event()], name="dear"), ScriptedModel(name="last"))
    task = asyncio.create_task(text_of(asked))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked.errors == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([down("dear")], "server"),
        ([late("dear")], "timeout"),
        ([ModelRejected("No.", model="dear")], "refused"),
        ([ModelRateLimited("Too often.", model="dear")], "rate_limit"),
        ([TypeError()], "bad_answer"),
        ([Stop(reason="end")], "bad_answer"),
        ([], "cut"),
        ([TextDelta(text="Half"), TypeError()], "cut"),
    ],
)
async def test_a_failed_call_is_counted_by_its_kind(script, kind):
    asked = chain(ScriptedModel(script, name="dear"), ScriptedModel(says("Fine."), name="last"))
    with counted() as growth, suppress(ModelError):
        await text_of(asked)
    assert growth("vital_llm_failures_total") == growth("vital_llm_failures_total", kind=kind) == 1


async def test_a_model_that_takes_all_of_its_text_back_has_written_nothing():
    thinking = [TextDelta(text="Hm."), TextWithdrawn(), Stop(reason="end")]
    asked = chain(ScriptedModel(thinking, name="dear"), ScriptedModel(says("Fine."), name="last"))
    assert (await text_of(asked)).endswith("Fine.")
    assert [call.status for call in asked.calls] == ["failed", "success"]


async def test_each_move_to_the_next_model_is_counted_by_why():
    MODEL.earn("dear")
    breakers, first = (
        ModelBreakers().of_tenant("acme"),
        ScriptedModel(*[[down("dear")]] * BREAKER_FAILURES, name="dear"),
    )
    with counted() as growth:
        for _ in range(BREAKER_FAILURES + 1):  # the last time its breaker is open
            asked = chain(first, ScriptedModel(says("Yes."), name="last"), breakers=breakers)
            assert await text_of(asked) == "Yes."
    assert growth("vital_llm_fallbacks_total", model="dear") == growth("vital_llm_fallbacks_total")
    assert growth("vital_llm_fallbacks_total") == BREAKER_FAILURES + 1
    assert growth("vital_llm_failures_total") == BREAKER_FAILURES
    assert breakers.models.left_alone == {"dear"}
