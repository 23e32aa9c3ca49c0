"""The service: workflows over HTTP, on port 8000."""
