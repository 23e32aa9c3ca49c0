"""The event log of a run: one interface, in memory and over Redis streams."""
