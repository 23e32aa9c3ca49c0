"""The HTTP connection in front of the application, and middleware around it."""
