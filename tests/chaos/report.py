"""The tables of a run of chaos, for the terminal and for docs/chaos.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.chaos.evidence import Evidence
from tests.chaos.promises import judge
from tests.chaos.question import Question
from tests.torture.torture import NANOS

__all__ = ["page"]

HEAD = """# Chaos: many machines, and what is kept

`make chaos` starts three replicas of the engine, a Postgres and a Redis that they share, and a provider that logs each call and
answers differently each time; every replica reaches Postgres and Redis through its own proxy. {at_once} clients ask without
pausing, in all four modes and in custom workflows, with and without streams, with approvals, for four tenants, each with an
`Idempotency-Key`; a client whose replica is silent continues at another one, with `Last-Event-ID`. Meanwhile, one fault after
another is injected. Then the answers, the stored runs, the ledger, the replicas' counters and the provider's own log are compared.
The command writes this page. The machine has two
cores, which it shares with other work: the waiting times say little about an engine alone.
"""

COUNTERS = """
A counter lives in its process. The counts of a killed replica since its last scrape are lost, and nobody counts a call that it
had in progress; a replica that was frozen or cut off counts such a call once it continues. So the counters add up to
slightly less than the store, never to more; the ledger, the tenants' gauges and `vital report` read the store. Panels based on
counters differ by Prometheus' extrapolation, and they include refused requests.
"""

CUT = """Each has one row in the ledger, an estimate of the text sent and streamed; amounts are in dollars. A call that was
answered just before a fault is among them if its node had not finished: its count is stored with the node.
"""


def page(evidence: Evidence, at_once: int) -> str:
    """Return the page."""
    promises = [(each.promise, "yes" if each.holds else "**no**", each.figure) for each in judge(evidence)]
    return "\n".join(
        [
            HEAD.format(at_once=at_once),
            "## What was promised and kept\n",
            _table(("promise", "kept", "figures"), promises),
            COUNTERS,
            "## How long clients waited\n",
            _table(
                ("fault", "questions", "answered", "runs taken over", "median s", "longest s"),
                _waits(evidence),
            ),
            "\n## Calls that a fault cut\n",
            CUT,
            _table(
                ("call", "run", "pieces sent", "booked", "flagged", "reserved by its run"),
                _cut_calls(evidence),
            ),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def _waits(evidence: Evidence) -> Iterable[Sequence[object]]:
    for each in evidence.happened:
        asked = [question for question in evidence.questions if question.fault == each.fault.name]
        seconds = sorted(question.seconds for question in asked)
        answered = sum(question.output is not None and not question.error for question in asked)
        yield (
            each.fault.name,
            len(asked),
            answered,
            sum(_is_taken_over(evidence, question) for question in asked),
            f"{seconds[len(seconds) // 2]:.1f}",
            f"{seconds[-1]:.1f}",
        )


def _is_taken_over(evidence: Evidence, question: Question) -> bool:
    run = evidence.stored.runs.get(question.run_id)
    return run is not None and run.takeovers > 0


def _cut_calls(evidence: Evidence) -> Iterable[Sequence[object]]:
    for cut in evidence.cut_calls:
        row = cut.row
        reserved = evidence.reserved.get(row.run_id) if row else None
        yield (
            cut.call.id,
            row.run_id if row else "no row",
            cut.call.pieces,
            f"{row.nanos / NANOS:.6f}" if row else "none",
            "yes" if row and row.estimated else "no",
            "not seen" if reserved is None else f"{reserved / NANOS:.6f}",
        )
