"""What is told of an exception that nobody expected: its kind and where it came from, never its text.

The text of an exception may hold what a peer has sent (a number, a description of media), and logs hold nothing
personal."""

import traceback

PLACES = 6
"""The innermost calls that are told."""


def told(error: BaseException) -> dict[str, object]:
    """The fields of a log line."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    return {"error": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno}" for frame in frames]}
