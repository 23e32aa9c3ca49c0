"""What models are told: texts with versions, filled in within a budget of tokens."""
