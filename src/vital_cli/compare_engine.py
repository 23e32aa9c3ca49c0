"""The engine of a comparison: the real one, with parts that take as long as they are told to."""

from __future__ import annotations

import asyncio

import uvloop

from ai_engine.app import create_app
from ai_engine.logs import configure_logs
from ai_engine.server import Server, listen
from ai_engine.settings import ServerSettings
from vital_ops.compare.latencies import FIRST_SOURCE, SECOND_SOURCE
from vital_ops.compare.paced import LONG, PACED, PacedModel, PacedSource, PacedWorkflow
from vital_shared.workflows.services import Services

__all__ = ["main"]


async def _serve(settings: ServerSettings) -> None:
    models = [PacedModel(PACED, is_long=False), PacedModel(LONG, is_long=True)]
    sources = [PacedSource(name) for name in (FIRST_SOURCE, SECOND_SOURCE)]
    services = await Services.open(models=models, sources=sources)
    try:
        with listen(settings) as listener:
            await Server(create_app(services, settings, workflow=PacedWorkflow)).serve([listener])
    finally:
        await services.aclose()


def main() -> None:
    """Serve until told to stop; settings come from the environment."""
    settings = ServerSettings()
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


if __name__ == "__main__":
    main()
