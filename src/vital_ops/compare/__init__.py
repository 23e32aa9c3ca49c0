"""The worth of running nodes in parallel, of caching and of streaming: one load, twice."""
