"""What the store raises."""


class StoreError(Exception):
    """Root of the store's errors. Their text names no personal value."""


class StoreUnavailable(StoreError):
    """The database cannot be opened, read or written."""


class Conflict(StoreError):
    """A name is taken by another resource, or something refers to what does not exist."""


class InvalidQuery(StoreError):
    """A search that is not allowed: its window, its limit or its page token."""
