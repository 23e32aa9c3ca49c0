"""Work beside the requests: gauges, sweeps, the warm-up."""
