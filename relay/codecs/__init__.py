"""Payload formats: G.711, Opus, comfort noise, and what is played in place of what was lost."""
