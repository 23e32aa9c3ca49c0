"""What is counted, and what it costs."""
