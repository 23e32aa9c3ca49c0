"""Documents in an engine of their own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from vital_shared import Services, Settings
from vital_shared.retrieval.ingest import Ingestor

TENANT = "eval"


@asynccontextmanager
async def opened(documents: Sequence[Path]) -> AsyncIterator[Services]:
    """Ingest the documents into a temporary store; the models are those of the data directory."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(Settings().data_dir / "models")
        services = await Services.open(Settings(data_dir=Path(folder), database_url=""))
        try:
            ingestor = Ingestor(services.knowledge, services.embedder)
            async for result in ingestor.ingest_paths(documents, tenant_id=TENANT):
                if result.status == "failed":
                    raise SystemExit(result.message)
            yield services
        finally:
            await services.aclose()
