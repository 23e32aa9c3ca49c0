"""The memory tier, against a model of what it should be."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vital_shared.cache.memory import MemoryTier
from vital_shared.models.workflow_io import Timings, WorkflowMode, WorkflowOutput

ENTRIES, TTL = 4, 10.0
KEYS = st.sampled_from("abcdefg")


def answer(text: str, tenant_id: str = "acme") -> WorkflowOutput:
    return WorkflowOutput(
        run_id="run_1",
        status="completed",
        mode=WorkflowMode.MODE_2,
        tenant_id=tenant_id,
        agent_id="generalist",
        response=text,
        timings=Timings(total_seconds=1),
    )


SIZE = len(answer("").model_dump_json())


class Tier(RuleBasedStateMachine):
    """Anything may be asked of it, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.left: list[tuple[str, str, float]] = []
        self.most_bytes = 3 * SIZE + 100
        self.tier = MemoryTier(
            ENTRIES,
            self.most_bytes,
            TTL,
            lambda: self.now,
            lambda entry, cause, age: self.left.append((entry.output.response, cause, age)),
        )
        self.model: dict[str, tuple[str, float, int]] = {}  # the one that was used last comes last
        self.reported: list[tuple[str, str, float]] = []

    def leave(self, key: str, cause: str) -> None:
        text, at, _ = self.model.pop(key)
        self.reported.append((text, cause, self.now - at))

    @rule(seconds=st.floats(0, 12))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=KEYS, length=st.integers(0, 60), knowledge=st.integers(1, 3))
    def put(self, key: str, length: int, knowledge: int) -> None:
        text = key * length
        assert self.tier.put(key, answer(text), knowledge)
        self.model.pop(key, None)
        self.model[key] = (text, self.now, knowledge)
        while len(self.model) > ENTRIES or self.bytes() > self.most_bytes:
            self.leave(next(iter(self.model)), "evict")

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        found: Any = self.tier.get(key)
        if key in self.model and self.now - self.model[key][1] >= TTL:
            self.leave(key, "expire")
        if key not in self.model:
            assert found is None
        else:
            assert found.output.response == self.model[key][0]
            self.model[key] = self.model.pop(key)

    @rule()
    def sweep(self) -> None:
        self.tier.sweep()
        for key in [key for key, (_, at, _) in self.model.items() if self.now - at >= TTL]:
            self.leave(key, "expire")

    @rule(knowledge=st.integers(1, 4))
    def invalidate(self, knowledge: int) -> None:
        stale = [key for key, (_, _, of) in self.model.items() if of < knowledge]
        assert self.tier.invalidate(lambda _, of: of < knowledge) == len(stale)
        for key in stale:
            self.leave(key, "invalidate")

    def bytes(self) -> int:
        return sum(SIZE + len(text) for text, _, _ in self.model.values())

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert len(self.tier) == len(self.model) <= ENTRIES
        assert self.tier.bytes == self.bytes() <= self.most_bytes
        assert self.left == self.reported


TestTier = Tier.TestCase
TestTier.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_is_larger_than_all_that_may_be_kept_is_not_kept():
    tier = MemoryTier(10, 1_000, TTL, lambda: 0.0, lambda *_: None)
    assert not tier.put("a", answer("x" * 2_000), 1)
    assert len(tier) == 0


def test_a_tier_for_nothing_keeps_nothing():
    tier = MemoryTier(0, 1_000_000, TTL, lambda: 0.0, lambda *_: None)
    assert not tier.put("a", answer("x"), 1)
    assert tier.get("a") is None
