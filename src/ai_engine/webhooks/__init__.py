"""Webhooks: how another system learns that a run has ended."""
