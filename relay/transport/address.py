"""Transport addresses."""

Address = tuple[str, int]
"""An IP address in its shortest textual form, and a port."""
