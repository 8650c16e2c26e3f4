"""The HTTP API and the console's pages: aiohttp, one resource file a noun, thin over the centre and the store.

Shapes, names and errors are Amazon Connect's where Connect has the operation. Times in JSON are Unix seconds.
"""

from signaling.api.application import build
from signaling.api.parts import Parts

__all__ = ["Parts", "build"]
