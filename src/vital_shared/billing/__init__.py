"""The cost of runs: the context of a run with its charges, and prices."""
