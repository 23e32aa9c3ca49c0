"""Who may call what: keys, callers, permissions, and the guard of engines without keys."""
