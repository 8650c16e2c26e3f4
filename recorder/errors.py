"""What can go wrong in the recorder.

RecorderError
├── Damaged          what was read back is not what was written: the recording is quarantined
├── BadKey           not an object key that we would write to
├── NoSuchObject     the store has nothing under this key
├── KeyTaken         the store has another recording under this key
└── StoreFailed      the store did not do it: tried again later
"""


class RecorderError(Exception):
    """Base of all errors of this package."""


class Damaged(RecorderError):
    """What was read back is not what was written."""


class BadKey(RecorderError):
    """The object key is absolute, climbs out of its store, or has characters that no key has."""


class NoSuchObject(RecorderError):
    """The store has nothing under this key."""


class KeyTaken(RecorderError):
    """The store has another recording under this key."""


class StoreFailed(RecorderError):
    """The store refused, failed or gave back something else. Worth another try."""
