"""The real engine, with parts of ours beside its own: for drills and comparisons."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import uvloop

from ai_engine.app import create_app
from ai_engine.logs import configure_logs
from ai_engine.server import Server, listen
from ai_engine.settings import ServerSettings
from vital_shared import BaseWorkflow
from vital_shared.llm.base import Model
from vital_shared.models.workflow_names import BUILT_IN
from vital_shared.retrieval.base import Source
from vital_shared.tools.base import Tool
from vital_shared.workflows.services import Services

__all__ = ["serve_with"]


def serve_with(
    *,
    models: Sequence[Model],
    sources: Sequence[Source],
    tools: Sequence[Tool] = (),
    workflow: type[BaseWorkflow] = BaseWorkflow,
) -> None:
    """Serve until stopped; settings come from the environment."""
    settings = ServerSettings()
    configure_logs(settings.log_level)

    async def serve() -> None:
        services = await Services.open(models=models, tools=tools, sources=sources)
        try:
            with listen(settings) as listener:
                app = create_app(services, settings, classes={BUILT_IN: workflow})
                await Server(app, settings).serve([listener])
        finally:
            await services.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
