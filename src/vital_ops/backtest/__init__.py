"""Backtests of the alerts: each one, over the history that Prometheus has."""
