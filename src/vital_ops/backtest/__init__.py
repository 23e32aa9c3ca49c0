"""What the alerts would have done: each one, over the history that Prometheus has."""
