"""Administration: agents, documents, costs, budgets, the cache and alerts, with the OpenAPI document."""
