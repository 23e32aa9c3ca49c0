"""Dashboards and alerts, as the engine shows them without Grafana."""
