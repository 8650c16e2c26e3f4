"""The media plane: moves sound between legs. Knows no rules, no tenants, no SIP, no HTTP."""
