"""The programs that run beside the engine: Prometheus and Alertmanager, as child processes."""
