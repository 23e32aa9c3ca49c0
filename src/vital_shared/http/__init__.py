"""What every client of an HTTP service needs: the proxy, bounded connections, and how long to wait."""
