"""Sources in other systems, one file each, and what keeps them up to date."""
