"""VITAL: an observable engine for multi-tenant LLM workflows."""
