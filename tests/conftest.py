"""Settings of all tests."""

from hypothesis import settings

# A test's time says nothing on a shared machine; a counterexample does.
settings.register_profile("vital", deadline=None, print_blob=True)
settings.load_profile("vital")
