"""Metrics, traces, and their overhead."""
