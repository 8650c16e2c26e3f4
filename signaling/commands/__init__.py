"""The command `telephonist`, and what it asks of a node that runs."""
