"""Of all tests."""

import asyncio.format_helpers
import sys
import traceback
from traceback import FrameSummary, StackSummary, walk_stack
from types import FrameType


def _caller(f: FrameType | None = None, limit: int | None = None) -> StackSummary:
    """Who asked asyncio for a callback, a future or a task, and asyncio's own way from there, of which it takes the end
    away. In its debug mode each remembers that: to look at all frames, and at their files, takes most of the time of
    many tests."""
    frame = sys._getframe(1) if f is None else f
    library = frame.f_code.co_filename.rpartition("/")[0]
    found: list[FrameSummary] = []
    while True:
        code = frame.f_code
        found.insert(0, FrameSummary(code.co_filename, frame.f_lineno, code.co_name, lookup_line=False))
        if frame.f_back is None or not code.co_filename.startswith(library):
            return StackSummary.from_list(found)
        frame = frame.f_back


def _extract_stack(f: FrameType | None = None, limit: int | None = None) -> StackSummary:
    """Runs in the module `traceback`, for futures and tasks in C: they alone ask without any arguments."""
    from asyncio.format_helpers import extract_stack

    found = sys._getframe(1) if f is None else f
    if f is None and limit is None:
        return extract_stack(found)
    stack = StackSummary.extract(walk_stack(found), limit=limit)
    stack.reverse()
    return stack


asyncio.format_helpers.extract_stack = _caller
traceback.extract_stack.__code__ = _extract_stack.__code__  # C keeps the function, whatever has its name
