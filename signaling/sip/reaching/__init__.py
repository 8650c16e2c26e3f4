"""Where trunks are, and whether they are there. Pure."""
