"""Packets in regular order, as columns: passed on, kept until they are played, or made of a mix. Pure."""
