"""Ways to show a run: live, as plain text, as records."""
