"""The parts of `vital batch`."""
