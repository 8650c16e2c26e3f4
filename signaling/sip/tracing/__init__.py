"""What is shown of messages, and counted. Pure."""
