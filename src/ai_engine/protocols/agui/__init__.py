"""AG-UI 1.0, the protocol of user interfaces for agents: what they send, and the events that they get."""
