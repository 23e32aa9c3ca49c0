"""The manager's questions, answered from the store."""
