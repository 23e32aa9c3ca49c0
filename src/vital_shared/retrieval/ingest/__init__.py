"""Documents in: text, web pages, PDF, office documents, mail and data, split, embedded and stored."""

from vital_shared.retrieval.ingest.ingest import Ingestor, OnProgress
from vital_shared.retrieval.ingest.limits import Limits
from vital_shared.retrieval.ingest.parse import SUFFIXES
from vital_shared.retrieval.ingest.result import IngestResult, Status

__all__ = ["SUFFIXES", "IngestResult", "Ingestor", "Limits", "OnProgress", "Status"]
