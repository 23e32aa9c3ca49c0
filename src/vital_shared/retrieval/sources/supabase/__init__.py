"""Passages in Postgres with pgvector: Supabase, or any other server of version 14 or later."""
