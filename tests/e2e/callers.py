"""Customers: the test caller, set up for a node."""

import ssl
from collections.abc import Callable

from bench.call.caller import Caller, CallerConfig
from bench.call.negotiation import Srtp, Terms
from bench.call.sounds import Source, Tone
from bench.call.wire import Target
from signaling.sip.flow import Transport
from tests.e2e.node import Node

CALLER = "+15557654321"
"""A number that may be found nowhere in clear."""


def speaking(frequency: float) -> Callable[[int], Source]:
    return lambda rate: Tone(frequency, rate)


def customer(
    node: Node,
    number: str,
    frequency: float,
    transport: Transport = "udp",
    srtp: Srtp = "off",
    codec: str = "PCMU",
    local_host: str | None = None,
) -> Caller:
    """One who calls a number of the node and speaks with one tone."""
    tls = None
    port = node.addresses.sip
    if transport == "tls":
        tls = ssl.create_default_context(cafile=node.places.tls / "certificate.pem")
        port = node.addresses.sip_tls
    target = Target(node.addresses.host, port, transport, tls)
    config = CallerConfig(
        number, target, Terms((codec,), srtp), speaking(frequency), CALLER, local_host=local_host
    )  # fmt: skip
    return Caller(config)
