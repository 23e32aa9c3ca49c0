"""The engine of a drill: the real one, with models, a tool and a source that fail when they are told to."""

from __future__ import annotations

import asyncio

import uvloop

from ai_engine.app import create_app
from ai_engine.logs import configure_logs
from ai_engine.server import Server, listen
from ai_engine.settings import ServerSettings
from vital_ops.drill.fragile import FragileSource, fragile_lookup
from vital_ops.drill.models import MODELS
from vital_shared.workflows.services import Services

__all__ = ["main"]


async def _serve(settings: ServerSettings) -> None:
    services = await Services.open(models=MODELS, tools=[fragile_lookup], sources=[FragileSource()])
    try:
        with listen(settings) as listener:
            await Server(create_app(services, settings)).serve([listener])
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
