"""The conversion of a configuration of LiteLLM's proxy (``config.yaml``) to one of VITAL."""
