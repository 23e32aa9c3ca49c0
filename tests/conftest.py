"""Settings of all tests."""

import pytest
from hypothesis import settings

from vital_shared.monitoring.metrics import BOUNDED, CATALOGUE

# A test's time says nothing on a shared machine; a counterexample does.
settings.register_profile("vital", deadline=None, print_blob=True)
settings.load_profile("vital")


@pytest.fixture(autouse=True)
def _no_names():
    """Give back the names that metrics have given to values: no test takes them from another."""
    for label in BOUNDED:
        label.forget()
    for metric in CATALOGUE:
        metric.forget()
