"""The other workers of the engine: any worker is asked, and the one that has the run answers."""
