"""Local stand-ins for those who receive alerts: they speak the protocols of Slack, PagerDuty and SMTP."""
