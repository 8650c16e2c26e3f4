"""Registrations both ways, and who somebody is: digest. Pure."""
