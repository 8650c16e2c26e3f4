"""Transactions: requests and their answers, repeated, absorbed and timed (RFC 3261 §17). Pure."""
