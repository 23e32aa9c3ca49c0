"""The commands, one file each; heavy imports stand inside the functions, to be paid when they are run."""
