"""Prompts: texts with versions, filled in within a budget of tokens."""
