"""One module a step of the schema; none is changed once it was released."""
