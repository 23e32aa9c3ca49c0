"""The input and output of VITAL: frozen, typed values."""
