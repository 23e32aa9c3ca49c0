"""Answers that were given lately: what may be kept, and where."""
