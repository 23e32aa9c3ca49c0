"""Queries of Prometheus that also evaluate themselves over the engine's own samples."""
