"""Fire drills: a fault is made, and its alert is watched on its way to its receivers."""
