"""What is kept: agents, knowledge, conversations and runs, in SQLite or Postgres."""
