"""The rules of Prometheus: recording rules, alerts, and the tests of both."""
