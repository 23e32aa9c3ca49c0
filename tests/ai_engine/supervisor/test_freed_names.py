"""A name that was freed vanishes at once, though not all workers have forgotten it."""

from ai_engine.supervisor.freed_names import FreedNames
from vital_shared.monitoring.merging import merge
from vital_shared.monitoring.snapshot import Family, key_of

NAME = "vital_agent_usage"


def worker(**counts):
    values = {key_of(f"{NAME}_total", {"agent_id": agent}): count for agent, count in counts.items()}
    return {NAME: Family(NAME, "counter", "Help.", "", "sum", (), values, {})}


def shown(freed: FreedNames, *workers, ended=None):
    left, ended = freed.hide(workers, ended or worker())
    values = merge([*left, ended])[NAME].values
    return {key.split('"')[-2]: value for key, value in values.items()}


def test_what_one_worker_has_freed_is_not_shown_as_what_the_other_still_has():
    freed = FreedNames()
    assert shown(freed, worker(a=3, b=1), worker(a=4, b=1)) == {"a": 7, "b": 2}
    assert shown(freed, worker(b=1), worker(a=4, b=1)) == {"b": 2}
    assert shown(freed, worker(b=1), worker(b=1)) == {"b": 2}


def test_a_new_name_is_shown_as_soon_as_one_worker_has_it():
    freed = FreedNames()
    assert shown(freed, worker(b=1), worker(b=1)) == {"b": 2}
    assert shown(freed, worker(b=1, new=0), worker(b=1)) == {"b": 2, "new": 0}


def test_a_name_that_comes_back_is_shown_once_all_workers_have_it():
    freed = FreedNames()
    assert shown(freed, worker(a=3, b=1), worker(a=4, b=1)) == {"a": 7, "b": 2}
    assert shown(freed, worker(b=1), worker(b=1)) == {"b": 2}
    assert shown(freed, worker(a=1, b=1), worker(b=1)) == {"b": 2}
    assert shown(freed, worker(a=1, b=1), worker(a=0, b=1)) == {"a": 1, "b": 2}


def test_what_an_ended_worker_counted_under_a_freed_name_is_not_shown():
    freed, ended = FreedNames(), worker(a=5, b=5)
    assert shown(freed, worker(a=1, b=1), ended=ended) == {"a": 6, "b": 6}
    assert shown(freed, worker(b=1), ended=ended) == {"b": 6}


def test_a_worker_that_has_not_opened_its_store_frees_nothing():
    freed = FreedNames()
    assert shown(freed, worker(a=1), worker(a=1)) == {"a": 2}
    assert shown(freed, worker(a=1), {}, ended=worker(a=1)) == {"a": 2}
    assert shown(freed, ended=worker(a=1)) == {"a": 1}
