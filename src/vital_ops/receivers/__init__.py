"""Local stand-ins for the receivers of alerts: they speak the protocols of Slack, PagerDuty and SMTP."""
