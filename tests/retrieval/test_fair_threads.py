"""Worker threads that tenants share."""

from __future__ import annotations

from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis.strategies import lists, sampled_from

from vital_shared.retrieval.fair_threads import FairThreads


def order_of(tenants: list[str], threads: int = 1) -> list[str]:
    """The order in which work of these tenants is done, all of it there before the first begins."""
    workers, held, done = FairThreads(threads, "test"), Event(), []
    blocking = [workers.submit("first", lambda _: held.wait(), None) for _ in range(threads)]
    futures = [workers.submit(tenant, done.append, tenant) for tenant in tenants]
    held.set()
    for future in (*blocking, *futures):
        future.result(timeout=10)
    return done


def test_a_tenant_with_little_work_waits_for_one_piece_of_each_other():
    assert order_of(["hog"] * 100 + ["acme", "globex", "acme"])[:6] == [
        "hog",
        "acme",
        "globex",
        "hog",
        "acme",
        "hog",
    ]


@settings(max_examples=50, deadline=None)
@given(tenants=lists(sampled_from("abc"), max_size=40))
def test_all_work_is_done_and_tenants_take_turns(tenants: list[str]):
    done = order_of(tenants)
    assert sorted(done) == sorted(tenants)
    for length in range(len(done)):
        rest = {tenant: done[length:].count(tenant) for tenant in set(tenants)}
        waiting = [tenant for tenant, left in rest.items() if left]
        counts = [done[:length].count(tenant) for tenant in waiting]
        assert not counts or max(counts) - min(counts) <= 1


def test_an_error_is_raised_where_the_result_is_awaited_and_harms_no_other():
    workers = FairThreads(1, "test")
    with pytest.raises(ZeroDivisionError):
        workers.submit("acme", lambda number: 1 / number, 0).result(timeout=10)
    assert workers.submit("acme", abs, -1).result(timeout=10) == 1


def test_work_that_is_cancelled_in_time_is_not_done():
    workers, held, done = FairThreads(1, "test"), Event(), []
    blocking = workers.submit("acme", lambda _: held.wait(), None)
    cancelled = workers.submit("acme", done.append, "never")
    assert cancelled.cancel()
    held.set()
    blocking.result(timeout=10)
    workers.submit("acme", done.append, "then").result(timeout=10)
    assert done == ["then"]
