"""The `vital` command."""
