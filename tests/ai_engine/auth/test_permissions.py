"""The table of what a key has to allow is closed where it says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.auth.permissions import ADMIN, ASK, COSTS, OPERATE, SIGNED_IN, WATCH, permission_of


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/", None),
        ("GET", "/docs", None),
        ("GET", "/runs", None),
        ("GET", "/runs/run_1", None),
        ("GET", "/runsx", OPERATE),
        ("GET", "/console/assets/index.js", None),
        ("GET", "/v1/session", SIGNED_IN),
        ("GET", "/page/page.js", None),
        ("GET", "/healthz", None),
        ("GET", "/page", OPERATE),
        ("GET", "/healthz/more", OPERATE),
        ("GET", "//", OPERATE),
        ("OPTIONS", "*", OPERATE),
        ("GET", "", OPERATE),
        ("POST", "/v1/runs", ASK),
        ("DELETE", "/v1/runs/x", ASK),
        ("GET", "/v1/runs/x/events", ASK),
        ("GET", "/v1/runsx", OPERATE),
        ("GET", "/v1", OPERATE),
        ("GET", "//v1/runs", OPERATE),
        ("GET", "/v1/agents", ASK),
        ("HEAD", "/v1/documents/x", ASK),
        ("PUT", "/v1/agents/x", ADMIN),
        ("PATCH", "/v1/documents/x", ADMIN),
        ("GET", "/v1/costs", COSTS),
        ("GET", "/v1/budgets", COSTS),
        ("PUT", "/v1/budgets/acme", OPERATE),
        ("GET", "/v1/alerts", WATCH),
        ("POST", "/v1/alerts", WATCH),
        ("GET", "/v1/nothing", OPERATE),
    ],
)
def test_what_a_path_needs(method, path, need):
    assert permission_of(method, path) == need


def test_metrics_show_all_tenants():
    need = permission_of("GET", "/metrics")
    assert (need.scope, need.all_tenants) == ("costs", True)


@given(st.text(), st.text())
def test_there_is_an_answer_for_everything(method, path):
    assert permission_of(method, path) in (None, ADMIN, ASK, COSTS, OPERATE, SIGNED_IN, WATCH)
