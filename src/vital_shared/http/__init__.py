"""Parts of every HTTP client: the proxy, bounded connections, and Retry-After."""
