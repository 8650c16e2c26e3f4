"""Asks the node on this machine how it is, as a container's health check does."""

import ipaddress
import ssl

import aiohttp
import msgspec

from signaling.node.places import Places
from signaling.node.ready import Addresses

SECONDS = 2.0
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


async def ask_health(places: Places) -> tuple[bool, str]:
    """Whether it is well, and what it said."""
    try:
        addresses = msgspec.json.decode(places.addresses.read_bytes(), type=Addresses)
    except (OSError, msgspec.MsgspecError):
        return False, f"no node runs on {places.data}"
    context = ssl.create_default_context()
    # It is ourselves that we ask, at an address from our own directory: the certificate may be self-signed.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    listening = ipaddress.ip_address(addresses.listening)
    host = LOOPBACK[listening.version] if listening.is_unspecified else addresses.listening
    url = f"https://{f'[{host}]' if listening.version == 6 else host}:{addresses.http}/health"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SECONDS)) as session,
            session.get(url, ssl=context) as response,
        ):
            return response.ok, await response.text()
    except (TimeoutError, aiohttp.ClientError) as error:
        return False, f"the node does not answer: {type(error).__name__}"
