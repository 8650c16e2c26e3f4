"""Phase one: what the taps brought, sealed on this disk as it comes, and found again after a crash."""
