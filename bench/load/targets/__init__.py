"""The servers that can be measured: each is started here, given the same legs by its own interface, and ended here."""
