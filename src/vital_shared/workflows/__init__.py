"""Workflows: the graph that answers, in four modes."""
