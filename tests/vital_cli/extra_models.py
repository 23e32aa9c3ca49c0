"""The `vital` command with two more models: one that answers at once, one that never comes to an end.

Run as a script in place of the command, or patched into this process by the fixture `vital`.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from unittest.mock import patch

from vital_shared.errors import VitalError
from vital_shared.llm.base import ModelEvent, ModelRequest, TextDelta
from vital_shared.testing import CannedModel
from vital_shared.workflows.services import Services

CANNED = "A canned answer [1], \x1b[31min red\x1b[0m."

BROKEN = CannedModel(name="broken", error=VitalError("The model broke."))


class EndlessModel:
    """Writes a word, and never another."""

    name = "endless"
    calls_tools = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        yield TextDelta(text="Endlessly")
        await asyncio.Event().wait()


def more_models():
    models = (CannedModel(CANNED), EndlessModel(), BROKEN)
    return patch.object(Services, "open", partial(Services.open, models=models))


if __name__ == "__main__":
    from vital_cli.main import main

    with more_models():
        main()
