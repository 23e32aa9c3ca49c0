"""Background runs: queued with their request, and run by whichever process has room."""
