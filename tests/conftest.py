"""Of all tests."""

import asyncio.constants

# In asyncio's debug mode each callback remembers who asked for it: one frame says so, and each more costs as much.
asyncio.constants.DEBUG_STACK_DEPTH = 1  # type: ignore[misc]
