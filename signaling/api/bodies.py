"""Bodies of requests: JSON of a declared shape, or an error that says where it differs."""

import asyncio
from typing import TypeVar

import msgspec
from aiohttp import web

from signaling.api.errors import InvalidParameter, TooSlow

LIMIT = 1024 * 1024
"""Bytes."""
PATIENCE = 20.0
"""Seconds for a body to come: none of ours takes a second, and a connection that waits is one that others lack."""

Body = TypeVar("Body", bound=msgspec.Struct)


async def body_of(request: web.Request, shape: type[Body]) -> Body:
    """Raises InvalidParameter, TooSlow."""
    try:
        async with asyncio.timeout(PATIENCE):
            body = await request.read()
    except TimeoutError:
        raise TooSlow("The body did not come in time.") from None
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(_said(error)) from None


def _said(error: Exception) -> str:
    """msgspec names the field and its type, and of the value at most a name that it does not know."""
    return str(error) if isinstance(error, msgspec.ValidationError) else "the body is not JSON"
