"""The promises that hold under chaos, and whether they were kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from tests.chaos.counters import CALLS, COST, ESTIMATED, RUNS
from tests.chaos.evidence import Evidence
from tests.chaos.provider import NANOS_PER_TOKEN
from tests.torture.torture import NANOS, Kept

__all__ = ["judge"]

EXAMPLES: Final = 3

SHOWN_SHARE: Final = 0.1
"""The part by which a panel that is read off counters may differ: Prometheus extrapolates to its window, and
requests that were refused count, too."""

UNSEEN_SHARE: Final = 0.03
"""The part of what is stored that no scrape may have seen: counted by a process after its last scrape."""


def judge(evidence: Evidence) -> list[Kept]:
    """Judge each promise."""
    return [promise(evidence) for promise in PROMISES]


def _every_run_answered(evidence: Evidence) -> Kept:
    failed = [each for each in evidence.acknowledged if each.output is None or each.error]
    return _kept(
        "every acknowledged run ends answered",
        f"{len(evidence.acknowledged) - len(failed)} of {len(evidence.acknowledged)}",
        (f"{each.key} ({each.fault}; {each.kind.name}): {each.error}" for each in failed),
    )


def _every_question_answered(evidence: Evidence) -> Kept:
    failed = [each for each in evidence.questions if not each.run_id]
    return _kept(
        "a client that asks again with its key is answered",
        f"{len(evidence.questions) - len(failed)} of {len(evidence.questions)}",
        (f"{each.key} ({each.fault}; {each.kind.name}): {each.error}" for each in failed),
    )


def _answers_stored(evidence: Evidence) -> Kept:
    faults = []
    for each in evidence.acknowledged:
        run = evidence.stored.runs.get(each.run_id)
        if run is None or run.status != "completed":
            faults.append(f"{each.key}: {run and (run.status, run.error)}")
        elif each.output is not None and each.output["response"] != run.response:
            faults.append(f"{each.key}: {each.output['response'][:60]!r} is stored as {run.response!r:.60}")
    return _kept(
        "the answer that a client got is the stored one", f"{len(evidence.acknowledged)} runs", faults
    )


def _one_run_each(evidence: Evidence) -> Kept:
    """See that a key has one run; where it could not begin, its client was refused and began another."""
    acknowledged = {each.run_id for each in evidence.acknowledged}
    runs = Counter(
        run.question
        for run in evidence.stored.runs.values()
        if run.status != "failed" or run.id in acknowledged
    )
    faults = (f"chaos-{question}: {count} runs" for question, count in runs.items() if count > 1)
    begun_again = len(evidence.stored.runs) - runs.total()
    return _kept("a question has one run", f"{runs.total()} runs, {begun_again} begun again", faults)


def _calls_counted(evidence: Evidence) -> Kept:
    """See that each call has one row, and that with its own count where that was received."""
    calls, rows = evidence.provider.log.calls, evidence.stored.rows
    faults = [
        f"call {cut.call.id} of chaos-{cut.call.question} has no row"
        for cut in evidence.cut_calls
        if cut.row is None
    ]
    faults += [
        f"call {cut.call.id} of chaos-{cut.call.question} is an estimate, and nothing had cut it"
        for cut in evidence.cut_calls
        if not evidence.may_be_cut(cut.call)
    ]
    taken = {id(cut.row) for cut in evidence.cut_calls}
    faults += [
        f"row {row.item} of {row.run_id} stands for no call"
        for row in rows
        if row.call is None and id(row) not in taken
    ]
    doubles = Counter(row.call for row in rows if row.call is not None)
    faults += [f"call {call} has {count} rows" for call, count in doubles.items() if count > 1]
    return _kept(
        "each call of the provider has one row, and its own count where that was received",
        f"{len(calls)} calls, {len(rows)} rows, {len(evidence.cut_calls)} of them cut",
        faults,
    )


def _exact_amounts(evidence: Evidence) -> Kept:
    known = {call.id: call for call in evidence.provider.log.calls}
    faults = []
    for row in evidence.stored.rows:
        if row.call is not None:
            call = known[row.call]
            nanos = (call.prompt_tokens + call.completion_tokens) * NANOS_PER_TOKEN
            if row.estimated or row.nanos != nanos:
                faults.append(f"call {call.id}: {row.nanos} for {nanos}, estimated: {row.estimated}")
    return _kept(
        "a call that was received costs what the provider counts", f"{len(evidence.received)} calls", faults
    )


def _estimates_flagged(evidence: Evidence) -> Kept:
    rows = [cut.row for cut in evidence.cut_calls if cut.row is not None]
    faults = [f"{row.item} of {row.run_id} is not flagged" for row in rows if not row.estimated]
    for run_id in {row.run_id for row in rows}:
        booked = sum(row.nanos for row in evidence.stored.rows if row.run_id == run_id)
        reserved = evidence.reserved.get(run_id)
        if reserved is not None and booked > reserved:
            faults.append(f"{run_id}: {booked} nano-dollars booked, {reserved} reserved")
    seen = sum(row.run_id in evidence.reserved for row in rows)
    return _kept(
        "a cut call is a flagged estimate, at most what its run had reserved",
        f"{len(rows)} estimates, the reservation of {seen} seen",
        faults,
    )


def _sums_agree(evidence: Evidence) -> Kept:
    total = sum(row.nanos for row in evidence.stored.rows)
    spent = evidence.stored.spent_nanos
    faults = [] if total == spent else [f"{total} and {spent} nano-dollars"]
    return _kept("the tenants' sums are the ledger's", f"${total / NANOS:.6f}", faults)


def _tenants_apart(evidence: Evidence) -> Kept:
    tenants = {each.number: each.tenant for each in evidence.questions}
    faults = [
        f"{run.id} of chaos-{run.question} is {run.tenant}'s"
        for run in evidence.stored.runs.values()
        if run.tenant != tenants[run.question]
    ]
    faults += [
        f"{row.item} of {row.run_id} is paid by {row.tenant}"
        for row in evidence.stored.rows
        if row.tenant != evidence.stored.runs[row.run_id].tenant
    ]
    faults += [
        f"{each.key} was answered with {each.output['response'][:80]!r}"
        for each in evidence.acknowledged
        if each.output is not None and f"chaos-{each.number}." not in each.output["response"]
    ]
    return _kept(
        "no tenant gets another's answer, or pays for it", f"{len(evidence.questions)} questions", faults
    )


def _streams_whole(evidence: Evidence) -> Kept:
    streams = [each for each in evidence.acknowledged if each.kind.is_streamed]
    faults = [f"{each.key} ({each.fault}): {each.stream.faults[0]}" for each in streams if each.stream.faults]
    return _kept(
        "no stream has a gap or an event twice",
        f"{len(streams)} streams, {sum(each.reconnects for each in streams)} reconnections",
        faults,
    )


def _texts_equal(evidence: Evidence) -> Kept:
    streams = [each for each in evidence.acknowledged if each.kind.is_streamed and each.output is not None]
    faults = [
        f"{each.key} ({each.fault}; {each.kind.name}): {each.stream.text[-40:]!r} for {each.output['response'][-40:]!r}"
        for each in streams
        if each.output is not None and each.stream.text != each.output["response"]
    ]
    superseded = sum(bool(each.stream.superseded) for each in streams)
    return _kept(
        "the text of a stream is the stored answer, also after `superseded`",
        f"{len(streams)} streams, {superseded} superseded",
        faults,
    )


def _nothing_left(evidence: Evidence) -> Kept:
    stored = evidence.stored
    open_runs = sum(run.status == "running" for run in stored.runs.values())
    left = {"open runs": open_runs, "reservations": stored.reservations} | stored.left_overs
    faults = [f"{count} {name}" for name, count in left.items() if count]
    return _kept("nothing stays open", ", ".join(f"{count} {name}" for name, count in left.items()), faults)


def _counters_agree(evidence: Evidence) -> Kept:
    """Compare what the replicas have counted with the store; see docs/chaos.md for where they may differ."""
    stored, counters = evidence.stored, evidence.counters
    calls, cut = len(evidence.provider.log.calls), len(evidence.cut_calls)
    answers = sum(run.status == "completed" for run in stored.runs.values())
    dollars = sum(row.nanos for row in stored.rows) / NANOS
    estimates = sum(row.estimated for row in stored.rows)
    answered = sum(counters.total(RUNS, outcome=outcome) for outcome in ("success", "degraded"))
    figures = {  # counted, and the least and the most that may be
        "answers": (answered, answers, answers),
        "calls": (counters.total(CALLS, cached="false"), calls - cut, calls),
        "dollars": (counters.total(COST, cost_type="llm"), dollars, dollars),
        "estimates": (counters.total(ESTIMATED, flag="estimated"), estimates, estimates),
    }
    faults = [
        f"{name}: {counted:g} counted, {most:g} stored"
        for name, (counted, least, most) in figures.items()
        if counted > most * 1.000001 or counted < least * (1 - UNSEEN_SHARE) - 3
    ]
    figure = ", ".join(f"{counted:g} of {most:g} {name}" for name, (counted, _, most) in figures.items())
    return _kept("the replicas' counters add up to the store", figure, faults)


def _dashboards_agree(evidence: Evidence) -> Kept:
    """Compare panels with the store: money by tenant exactly, and what is read off counters about."""
    promise = "the dashboards show what is stored"
    if not evidence.shown:
        return Kept(promise, holds=True, figure="not watched")
    stored, shown = evidence.stored, evidence.shown
    spent: Counter[str] = Counter()
    for row in stored.rows:
        spent[row.tenant] += row.nanos
    tenants = shown["vital-cost", "expensive_tenants"]
    faults = [
        f"{tenant} has spent ${nanos / NANOS:.6f}, and ${tenants.get(tenant, 0):.6f} is shown"
        for tenant, nanos in spent.items()
        if abs(tenants.get(tenant, 0) - nanos / NANOS) > 1e-9
    ]
    about = {
        "dollars": (sum(shown["vital-cost", "cost_by_type"].values()), spent.total() / NANOS),
        "requests": (sum(shown["vital-performance", "requests_by_mode"].values()), len(evidence.questions)),
    }
    faults += [
        f"{there:g} {name}, and {seen:g} are shown"
        for name, (seen, there) in about.items()
        if abs(seen - there) > SHOWN_SHARE * there
    ]
    figure = ", ".join(f"{seen:.4g} of {there:.4g} {name}" for name, (seen, there) in about.items())
    return _kept(promise, f"{len(spent)} tenants' money, {figure}", faults)


def _kept(promise: str, figure: str, faults: Iterable[str]) -> Kept:
    found = list(faults)
    if found:
        figure = f"{figure}; {len(found)} faults: {'; '.join(found[:EXAMPLES])}"
    return Kept(promise, not found, figure)


PROMISES: Final[tuple[Callable[[Evidence], Kept], ...]] = (
    _every_question_answered,
    _every_run_answered,
    _answers_stored,
    _one_run_each,
    _calls_counted,
    _exact_amounts,
    _estimates_flagged,
    _sums_agree,
    _tenants_apart,
    _streams_whole,
    _texts_equal,
    _nothing_left,
    _counters_agree,
    _dashboards_agree,
)
