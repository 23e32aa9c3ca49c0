"""The dashboards, as data; drawn for Grafana by `vital_ops.dashboards.drawing`."""
