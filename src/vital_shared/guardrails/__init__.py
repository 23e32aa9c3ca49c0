"""Guardrails: checks and changes of what models, tools and searches are sent and return; they fail closed."""
