"""Tools that an answer may use."""
