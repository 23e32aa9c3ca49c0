"""What Prometheus computes and watches: recording rules, alerts, and the tests of both."""
