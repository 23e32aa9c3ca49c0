"""The judge of a chaos run catches what is broken: one fault at a time in evidence that is whole."""

from dataclasses import replace
from typing import Any

import pytest
from tests.chaos.counters import CALLS, COST, ESTIMATED, RUNS
from tests.chaos.dashboards import Shown
from tests.chaos.evidence import Evidence
from tests.chaos.faults import FAULTS, Happened
from tests.chaos.promises import judge
from tests.chaos.provider import NANOS_PER_TOKEN, Provider
from tests.chaos.question import KINDS, Question
from tests.chaos.stored import LedgerRow, Stored, StoredRun
from tests.torture.torture import NANOS

KILLED = next(fault for fault in FAULTS if "replica killed" in fault.name)


class Counted:
    """Counters that say what they are given."""

    def __init__(self, **totals: float) -> None:
        self.totals = totals

    def total(self, name: str, **labels: str) -> float:
        return self.totals[name] if labels.get("outcome") != "degraded" else 0.0


def text(number: int) -> str:
    return f"Call {number} has answered chaos-{number}."


def asked(number: int, tenant: str) -> Question:
    question = Question(number, KINDS[2], tenant, "session", KILLED.name)
    question.run_id = f"run-{number}"
    question.output = {"run_id": question.run_id, "status": "completed", "response": text(number)}
    for event in events(question.run_id, number, question.output):
        question.stream.take(event, question.run_id)
    return question


def events(run_id: str, number: int, output: dict[str, Any]) -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = [
        {"type": "run_started"},
        {"type": "token", "text": text(number)},
        {"type": "run_finished", "output": output},
    ]
    return [{"seq": seq, "run_id": run_id} | kind for seq, kind in enumerate(kinds, 1)]


def whole_evidence() -> Evidence:
    """Two runs of two tenants; of the second, a replica was killed while its first call was under way."""
    provider = Provider(1.0)
    first, cut, second = (provider.log.begin(number, "a prompt") for number in (1, 2, 2))
    for call, moment in ((first, 1.0), (cut, 1.0), (second, 100.0)):
        call.begun_at, call.ended_at, call.is_answered = moment, moment + 1, call is not cut
    rows = [row("run-1", "acme", first), row("run-2", "globex", second)]
    estimate = LedgerRow("run-2", "llm/1", "globex", estimated=True, nanos=5, call=None, status="cancelled")
    rows.append(estimate)
    total = sum(each.nanos for each in rows)
    runs = {
        f"run-{n}": StoredRun(f"run-{n}", n, tenant, "completed", text(n), takeovers=n - 1, error="")
        for n, tenant in ((1, "acme"), (2, "globex"))
    }
    counted = Counted(**{RUNS: 2, CALLS: 2, COST: total / NANOS, ESTIMATED: 1})
    return Evidence(
        questions=[asked(1, "acme"), asked(2, "globex")],
        provider=provider,
        stored=Stored(runs, tuple(rows), total, reservations=0, left_overs={"run_nodes": 0}),
        counters=counted,  # type: ignore[arg-type]
        reserved={"run-2": 10**9},
        happened=[Happened(KILLED, 1.5, 3.0)],
        shown=shown(rows),
    )


def shown(rows: list[LedgerRow]) -> Shown:
    return {
        ("vital-cost", "expensive_tenants"): {
            tenant: sum(each.nanos for each in rows if each.tenant == tenant) / NANOS
            for tenant in ("acme", "globex")
        },
        ("vital-cost", "cost_by_type"): {"llm": sum(each.nanos for each in rows) / NANOS},
        ("vital-performance", "requests_by_mode"): {"2": 2.0},
    }


def row(run_id: str, tenant: str, call: Any) -> LedgerRow:
    nanos = (call.prompt_tokens + call.completion_tokens) * NANOS_PER_TOKEN
    return LedgerRow(
        run_id, f"llm/{call.id}", tenant, estimated=False, nanos=nanos, call=call.id, status="success"
    )


def broken(evidence: Evidence) -> list[str]:
    return [each.promise for each in judge(evidence) if not each.holds]


def with_rows(evidence: Evidence, *rows: LedgerRow) -> Evidence:
    spent = sum(each.nanos for each in rows)
    totals = evidence.counters.totals | {COST: spent / NANOS, ESTIMATED: sum(each.estimated for each in rows)}  # type: ignore[attr-defined]
    return replace(
        evidence,
        stored=replace(evidence.stored, rows=rows, spent_nanos=spent),
        shown=shown(list(rows)),
        counters=Counted(**totals),  # type: ignore[arg-type]
    )


def with_run(evidence: Evidence, **changes: Any) -> Evidence:
    runs = evidence.stored.runs
    return replace(
        evidence, stored=replace(evidence.stored, runs=runs | {"run-1": replace(runs["run-1"], **changes)})
    )


def test_whole_evidence_keeps_every_promise():
    assert broken(whole_evidence()) == []


def test_an_acknowledged_run_without_an_answer_is_caught():
    evidence = whole_evidence()
    evidence.questions[0].output, evidence.questions[0].error = None, "run_failed: lost"
    assert broken(evidence) == ["every acknowledged run ends answered"]


def test_a_question_that_was_never_acknowledged_is_caught():
    evidence = whole_evidence()
    evidence.questions[0].run_id = ""
    assert "a client that asks again with its key is answered" in broken(evidence)


@pytest.mark.parametrize("changes", [{"response": "Another answer."}, {"status": "failed", "response": None}])
def test_an_answer_that_is_not_the_stored_one_is_caught(changes):
    assert "the answer that a client got is the stored one" in broken(with_run(whole_evidence(), **changes))


def test_a_second_run_of_a_question_is_caught():
    evidence = whole_evidence()
    runs = evidence.stored.runs | {"run-3": replace(evidence.stored.runs["run-1"], id="run-3")}
    assert "a question has one run" in broken(replace(evidence, stored=replace(evidence.stored, runs=runs)))


CALLS_PROMISE = "each call of the provider has one row, and its own count where that was received"


def test_a_call_without_a_row_is_caught():
    evidence = whole_evidence()
    assert broken(with_rows(evidence, *evidence.stored.rows[:2])) == [CALLS_PROMISE]


def test_a_call_with_two_rows_is_caught():
    evidence = whole_evidence()
    twice = replace(evidence.stored.rows[0], item="llm/7")
    assert broken(with_rows(evidence, *evidence.stored.rows, twice)) == [CALLS_PROMISE]


def test_an_estimate_that_stands_for_no_call_is_caught():
    evidence = whole_evidence()
    more = replace(evidence.stored.rows[2], item="llm/9")
    assert broken(with_rows(evidence, *evidence.stored.rows, more)) == [CALLS_PROMISE]


def test_an_estimate_of_a_call_that_nothing_had_cut_is_caught():
    evidence = whole_evidence()
    evidence.provider.log.calls[1].begun_at = 50.0
    evidence.provider.log.calls[1].ended_at = 51.0
    assert broken(evidence) == [CALLS_PROMISE]


def test_a_wrong_amount_is_caught():
    evidence = whole_evidence()
    first, *others = evidence.stored.rows
    wrong = with_rows(evidence, replace(first, nanos=first.nanos + 1), *others)
    assert broken(wrong) == ["a call that was received costs what the provider counts"]


@pytest.mark.parametrize("changes", [{"estimated": False}, {"nanos": 10**9 + 1}])
def test_an_estimate_that_is_not_flagged_or_above_the_reservation_is_caught(changes):
    evidence = whole_evidence()
    *others, estimate = evidence.stored.rows
    wrong = with_rows(evidence, *others, replace(estimate, **changes))
    assert broken(wrong) == ["a cut call is a flagged estimate, at most what its run had reserved"]


def test_sums_that_differ_from_the_ledger_are_caught():
    evidence = whole_evidence()
    wrong = replace(evidence, stored=replace(evidence.stored, spent_nanos=1))
    assert broken(wrong) == ["the tenants' sums are the ledger's"]


TENANTS_PROMISE = "no tenant gets another's answer, or pays for it"


def test_a_run_of_another_tenant_is_caught():
    assert TENANTS_PROMISE in broken(with_run(whole_evidence(), tenant="globex"))


def test_anothers_answer_is_caught():
    evidence = whole_evidence()
    evidence.questions[0].output = evidence.questions[1].output
    assert TENANTS_PROMISE in broken(evidence)


@pytest.mark.parametrize("seq", [5, 3])
def test_a_gap_and_an_event_that_comes_twice_are_caught(seq):
    evidence = whole_evidence()
    evidence.questions[0].stream.take({"type": "warning", "seq": seq, "run_id": "run-1"}, "run-1")
    assert broken(evidence) == ["no stream has a gap or an event twice"]


def test_a_text_that_is_not_the_stored_one_is_caught():
    evidence = whole_evidence()
    evidence.questions[0].stream.take({"type": "token", "seq": 4, "run_id": "run-1", "text": "!"}, "run-1")
    assert broken(evidence) == ["the text of a stream is the stored answer, also after `superseded`"]


def test_text_that_was_superseded_does_not_count():
    evidence = whole_evidence()
    stream = evidence.questions[0].stream
    stream.take({"type": "superseded", "seq": 4, "run_id": "run-1", "from_seq": 2}, "run-1")
    stream.take({"type": "token", "seq": 5, "run_id": "run-1", "text": text(1)}, "run-1")
    assert broken(evidence) == []


@pytest.mark.parametrize("changes", [{"reservations": 1}, {"left_overs": {"run_calls": 2}}])
def test_what_stays_open_is_caught(changes):
    evidence = whole_evidence()
    wrong = replace(evidence, stored=replace(evidence.stored, **changes))
    assert broken(wrong) == ["nothing stays open"]


@pytest.mark.parametrize(("name", "total"), [(RUNS, 3), (CALLS, 4), (ESTIMATED, 2)])
def test_counters_above_the_store_are_caught(name, total):
    evidence = whole_evidence()
    totals = evidence.counters.totals | {name: total}  # type: ignore[attr-defined]
    wrong = replace(evidence, counters=Counted(**totals))  # type: ignore[arg-type]
    assert broken(wrong) == ["the replicas' counters add up to the store"]


@pytest.mark.parametrize(
    ("panel", "values"),
    [
        (("vital-cost", "expensive_tenants"), {"acme": 0.0}),
        (("vital-cost", "cost_by_type"), {"llm": 1.0}),
        (("vital-performance", "requests_by_mode"), {"2": 3.0}),
    ],
)
def test_a_panel_that_shows_something_else_is_caught(panel, values):
    evidence = whole_evidence()
    wrong = replace(evidence, shown=evidence.shown | {panel: values})
    assert broken(wrong) == ["the dashboards show what is stored"]
