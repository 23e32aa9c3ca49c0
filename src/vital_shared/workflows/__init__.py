"""Workflows: graphs that answer requests, in four modes."""
