"""One leg's way in: the jitter buffer, concealment and decoding. Pure."""
