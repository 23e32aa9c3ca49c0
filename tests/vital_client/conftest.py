"""A service for clients."""

from tests.ai_engine.conftest import model, serve, service

__all__ = ["model", "serve", "service"]
