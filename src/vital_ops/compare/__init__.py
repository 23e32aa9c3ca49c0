"""What running nodes in parallel, caching and streaming are worth: one load, twice."""
