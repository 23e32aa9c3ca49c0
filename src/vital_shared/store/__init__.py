"""Persistence of agents, knowledge, conversations and runs, in SQLite or Postgres."""
