"""A call from its INVITE to its end, and what both sides may do in it. Pure."""
