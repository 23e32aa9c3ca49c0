from __future__ import annotations

import pytest
from hypothesis import settings

from vital_shared.tools.base import ToolContext

# How long an example takes says more about the machine than about the code.
settings.register_profile("any_machine", deadline=None)
settings.load_profile("any_machine")


@pytest.fixture
def context() -> ToolContext:
    return ToolContext(tenant_id="acme", run_id="run-1")
