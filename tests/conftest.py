"""Of all tests."""

import asyncio.format_helpers
import sys
import traceback
from types import FrameType


def _caller(f: FrameType | None = None, limit: int | None = None) -> traceback.StackSummary:
    """Where a callback was asked for. In asyncio's debug mode each remembers that: one frame says it, and to look at
    the files of ten takes a third of the time of many tests."""
    found = sys._getframe(1) if f is None else f
    code = found.f_code
    return traceback.StackSummary.from_list(
        [traceback.FrameSummary(code.co_filename, found.f_lineno, code.co_name, lookup_line=False)]
    )


asyncio.format_helpers.extract_stack = _caller
