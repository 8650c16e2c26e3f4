"""DTMF: telephone events and tones, received, sent and masked. Pure."""
