"""What the tests of several workers share."""

from contextlib import AsyncExitStack

import pytest


@pytest.fixture
async def aexit():
    """What is entered here is left when the test ends."""
    async with AsyncExitStack() as stack:
        yield stack
