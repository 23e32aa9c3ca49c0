"""The comparison of the ledger with a provider's own export of usage or costs."""
