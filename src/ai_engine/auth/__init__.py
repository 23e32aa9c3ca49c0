"""Authorization: keys, callers, permissions, and the guard of engines without keys."""
