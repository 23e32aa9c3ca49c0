"""The dataflow engine."""
