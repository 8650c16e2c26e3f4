"""The contact centre, pure: events and the time in, decisions out."""
