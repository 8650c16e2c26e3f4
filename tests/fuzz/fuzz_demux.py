"""Every datagram has exactly one kind, and what our own parsers accept has the kind that leads to them."""

from relay.errors import StunError
from relay.streams import rtcp
from relay.streams.malformed import Malformed
from relay.transport.demux import Kind, classify
from relay.transport.stun import BINDING_REQUEST, StunMessage

SEEDS: list[bytes] = [
    b"\x80\x00" + bytes(10),
    b"\x80\xc8\x00\x06" + bytes(24),
    b"\x16\xfe\xff" + bytes(10),
    StunMessage(BINDING_REQUEST, bytes(12)).serialize(),
]


def one_input(data: bytes) -> None:
    kind = classify(data)
    assert kind in Kind
    try:
        StunMessage.parse(data)
    except StunError:
        return _check_rtcp(data, kind)
    assert kind is Kind.STUN or data[0] > 3  # methods that ICE does not have may look like anything


def _check_rtcp(data: bytes, kind: Kind) -> None:
    try:
        rtcp.parse(data)
    except Malformed:
        return
    assert kind is Kind.RTCP


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
