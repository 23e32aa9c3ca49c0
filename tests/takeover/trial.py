"""One run, whose engines die at given points until one ends it; and what is left of it."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.takeover.acting_flow import PAYEES, ROUNDS
from tests.takeover.crash import CrashPoint
from tests.takeover.fork_server import ForkServer
from tests.takeover.line_file import LineFile
from tests.takeover.model import PRICES
from tests.takeover.parted_flow import PROMPTS
from tests.takeover.trial_store import TrialStores

__all__ = ["END_LEASES", "Left", "trial"]

NANOS_PER_TOKEN: Final = 10_000


END_LEASES: Final = "UPDATE workers SET lease_until = 1"
"""Lets the time pass that a dead engine's lease lasts."""

ACTS: Final = frozenset(
    ["mail", *(f"round {number}" for number in range(ROUNDS)), *(f"pay {payee}" for payee in PAYEES)]
) | {f"letter {which}" for which in ("first", "second", "third")}
"""Everything that the flow with effects does."""

MOST_AT_ONCE: Final = {"parted": 3}
"""Calls that a run makes at the same time, where these are not two."""


@dataclass(frozen=True)
class Left:
    """The evidence after the end of a run."""

    flow: str
    events: list[dict[str, Any]]
    """Events that the run's reader was sent, over all engines."""
    calls: list[dict[str, Any]]
    """The provider's log."""
    acts: list[dict[str, Any]]
    """The effects that have happened."""
    runs: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    open_rows: dict[str, int]
    points: dict[str, int]
    """The points that the last engine came to."""
    deaths: int
    kept_calls: dict[str, int]
    """The number of calls that parts had made when an engine died, by their prompts, where they were stored."""

    def faults(self) -> list[str]:
        """Return what is wrong with it."""
        return [
            *self._faulty_events(),
            *self._faulty_answer(),
            *self._faulty_calls(),
            *self._repeated_calls(),
            *self._faulty_acts(),
            *self._left_open(),
        ]

    def _faulty_events(self) -> list[str]:
        numbers = [event["seq"] for event in self.events]
        if numbers != list(range(1, len(numbers) + 1)):
            return [f"the events are numbered {numbers}"]
        return []

    def _faulty_answer(self) -> list[str]:
        if [run["status"] for run in self.runs] != ["completed"]:
            return [
                f"runs: {[(run['status'], run['error_type'], run['error_message']) for run in self.runs]}"
            ]
        stored = json.loads(self.runs[0]["output"])["response"]
        end = self.events[-1]
        if end["type"] != "run_finished" or end["output"]["response"] != stored:
            return [f"the stream ends with {end}, and stored is {stored!r}"]
        text = self._streamed_text()
        return [] if text == stored else [f"the stream's text is {text!r}, and stored is {stored!r}"]

    def _streamed_text(self) -> str:
        tokens: list[tuple[int, str]] = []
        for event in self.events:
            if event["type"] == "token":
                tokens.append((event["seq"], event["text"]))
            elif event["type"] == "superseded":
                tokens = [each for each in tokens if each[0] < event["from_seq"]]
        return "".join(text for _, text in tokens)

    def _faulty_calls(self) -> list[str]:
        """See that each call of the provider's log has one row: its own count, or an estimate that is flagged.

        A call is announced before its request leaves, so a death between the two leaves an estimate of a call
        that the provider never saw: the next engine cannot know.
        """
        counted = Counter(call for row in self.ledger if (call := _call_of(row)) is not None)
        estimates = [row for row in self.ledger if _call_of(row) is None]
        uncounted = [line["call"] for line in self.calls if line["call"] not in counted]
        faults = [f"call {call} has {count} rows" for call, count in counted.items() if count > 1]
        if not 0 <= len(estimates) - len(uncounted) <= MOST_AT_ONCE.get(self.flow, 2) * self.deaths:
            faults.append(f"calls {uncounted} have {len(estimates)} estimates")
        faults += [f"{row['item']} is not flagged" for row in estimates if not row["estimated"]]
        faults += [
            f"call {call} costs {row['cost_nanos']} nano-dollars, estimated: {row['estimated']}"
            for row in self.ledger
            if (call := _call_of(row)) is not None
            and (row["estimated"] or row["cost_nanos"] != (60 + call) * NANOS_PER_TOKEN)
        ]
        return [*faults, f"the ledger has {self._rows()}"] if faults else []

    def _repeated_calls(self) -> list[str]:
        """See that no part whose answer was stored has asked for it again."""
        made = Counter(line["prompt"] for line in self.calls)
        return [
            f"{prompt!r} was asked {made[prompt]} times, and its answer was stored after {count}"
            for prompt, count in self.kept_calls.items()
            if made[prompt] != count
        ]

    def _rows(self) -> list[tuple[str, Any, bool]]:
        return [(row["item"], row["raw_usage"], bool(row["estimated"])) for row in self.ledger]

    def _faulty_acts(self) -> list[str]:
        """See that each effect happened once, and again only where its node was cut off and is to be repeated."""
        done = Counter(line["what"] for line in self.acts)
        cut = Counter(name for event in self.events for name in _cut_off(event))
        repeated = {"mail": cut["mailed"]} | {f"round {number}": cut["rounds"] for number in range(ROUNDS)}
        faults = [
            f"{what} was done {count} times: {dict(cut)}"
            for what, count in done.items()
            if count > 1 + repeated.get(what, 0)
        ]
        missing = {what for what in repeated if done and not done[what]}
        if not self.deaths and done:
            missing |= ACTS - done.keys()
        return [*faults, *(f"{what} was never done" for what in sorted(missing))]

    def _left_open(self) -> list[str]:
        return [f"{count} rows in {table}" for table, count in self.open_rows.items() if count]


def _cut_off(event: dict[str, Any]) -> list[str]:
    """Return the values whose nodes with effects a paused run asks about."""
    if event["type"] != "run_paused":
        return []
    required = event["output"]["required_input"]
    return [each["name"] for each in required if "interrupted" in str(each["value"])]


def _call_of(row: dict[str, Any]) -> int | None:
    """Return the provider's number of the call whose count a row has."""
    return json.loads(row["raw_usage"] or "{}").get("call")  # type: ignore[no-any-return]


def trial(server: ForkServer, stores: TrialStores, flow: str, points: Sequence[CrashPoint]) -> Left:
    """Begin a run, and let one engine after the other die at the points; the last one lives.

    :param stores: gives it an empty store.
    """
    with tempfile.TemporaryDirectory(prefix="vital-takeover-") as made:
        folder = Path(made)
        stores.begin(folder)
        (folder / "vital.toml").write_text(PRICES, encoding="utf-8")
        deaths, kept_calls = 0, dict[str, int]()
        try:
            for point in (*points, None):
                if server.run(folder, flow, point):
                    break
                deaths += 1
                kept_calls |= _kept_calls(stores, folder)
                stores.change(folder, END_LEASES)
            return _read(stores, folder, flow, deaths, kept_calls)
        finally:
            stores.end(folder)


def _kept_calls(stores: TrialStores, folder: Path) -> dict[str, int]:
    """Count the calls of the parts that are stored, by their prompts."""
    stored = [
        row["node"] for row in stores.rows(folder, "SELECT node FROM run_nodes") if row["node"] in PROMPTS
    ]
    made = Counter(line["prompt"] for line in _arrived(folder))
    return {PROMPTS[part]: made[PROMPTS[part]] for part in stored}


def _arrived(folder: Path) -> list[dict[str, Any]]:
    return [line for line in LineFile(folder / "calls").read() if line["event"] == "arrived"]


def _read(stores: TrialStores, folder: Path, flow: str, deaths: int, kept_calls: dict[str, int]) -> Left:
    def count(table: str) -> int:
        return int(stores.rows(folder, f"SELECT count(*) AS count FROM {table}")[0]["count"])

    return Left(
        flow=flow,
        events=LineFile(folder / "seen").read(),
        calls=_arrived(folder),
        acts=LineFile(folder / "acts").read(),
        runs=stores.rows(folder, "SELECT * FROM runs"),
        ledger=stores.rows(folder, "SELECT * FROM ledger WHERE cost_type = 'llm'"),
        open_rows={table: count(table) for table in ("reservations", "run_nodes", "run_calls")},
        points=LineFile(folder / "points").read()[-1],
        deaths=deaths,
        kept_calls=kept_calls,
    )
