"""An aiohttp application on a free port of this machine, while a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

__all__ = ["local_server"]


@asynccontextmanager
async def local_server(app: web.Application, **options: Any) -> AsyncIterator[str]:
    """Serve an application, and give its URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
