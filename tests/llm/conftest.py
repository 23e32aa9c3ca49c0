"""The real models."""

from tests.retrieval.embedded_models import bge, model_folders, reranker, smollm2

__all__ = ["bge", "model_folders", "reranker", "smollm2"]
