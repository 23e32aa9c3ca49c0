"""The real embedded models."""

from tests.retrieval.embedded_models import model_folders

__all__ = ["model_folders"]
