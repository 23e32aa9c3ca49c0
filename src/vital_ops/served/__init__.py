"""Dashboards and alerts, served by the engine from the definitions that make Grafana's files."""
