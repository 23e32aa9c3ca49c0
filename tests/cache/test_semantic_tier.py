"""The semantic tier: bounded, and apart by scope."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.cache.semantic_tier import SemanticTier

SAME, OTHER = "How do I reset it?", "How can I reset it?"


def vector(degrees: float):
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


def test_what_asks_the_same_is_found_the_nearest_first():
    tier = SemanticTier(10, similarity=0.9)
    tier.note("scope", "far", SAME, vector(20))
    tier.note("scope", "near", SAME, vector(5))
    tier.note("scope", "too far", SAME, vector(60))
    tier.note("scope", "another", "How do I lose it?", vector(0))
    assert tier.near("scope", OTHER, vector(0)) == ["near", "far"]


def test_another_scope_is_never_found():
    tier = SemanticTier(10, similarity=0.9)
    tier.note("acme", "key", SAME, vector(0))
    assert tier.near("globex", SAME, vector(0)) == []


def test_what_is_forgotten_is_not_found():
    tier = SemanticTier(10, similarity=0.9)
    tier.note("scope", "key", SAME, vector(0))
    tier.forget("key")
    tier.forget("key")
    assert (tier.near("scope", SAME, vector(0)), len(tier)) == ([], 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9))), st.integers(1, 5))
def test_it_knows_the_latest_questions_of_each_scope(notes, capacity):
    tier, model = SemanticTier(capacity, similarity=0.9), {}
    for scope, number in notes:
        key = f"{scope}{number}"
        tier.note(scope, key, SAME, vector(0))
        model.pop(key, None)
        model[key] = scope
        while len(model) > capacity:
            model.pop(next(iter(model)))
        assert len(tier) == len(model)
    for scope in "abc":
        assert set(tier.near(scope, SAME, vector(0))) == {key for key, of in model.items() if of == scope}
