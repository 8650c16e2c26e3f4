"""Messages, their parts and their form on the wire. Pure."""
