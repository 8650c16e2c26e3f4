"""Trunks: whose a source is, where they are, what they may."""
