"""The limit of open files leaves room for the connections."""

import resource

import pytest

from ai_engine.asgi import open_files
from ai_engine.asgi.open_files import OTHER_FILES, allow_connections


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1_024, 1_000_000, 2_000 + OTHER_FILES),
        (1_024, resource.RLIM_INFINITY, 2_000 + OTHER_FILES),
        (1_024, 2_048, 2_048),
        (50_000, 1_000_000, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None),
    ],
)
def test_the_soft_limit_is_raised_where_it_is_too_low(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, expected: int | None
) -> None:
    chosen = []
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda _, limits: chosen.append(limits))
    allow_connections(2_000)
    assert chosen == ([] if expected is None else [(expected, hard)])
