"""The protocols of other clients."""
