"""Check queries against the catalogue, before Prometheus is asked and shows nothing."""
