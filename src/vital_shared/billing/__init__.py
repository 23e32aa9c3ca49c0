"""What runs cost: the context of a run with its charges, and prices."""
