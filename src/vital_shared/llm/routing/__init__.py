"""The choice between several deployments of a model: by share, latency, cost or remaining rate limit."""
