"""Telephone events are refused with EventError or give each digit at most once an event, none longer than was said.

An event has ended at the latest when nothing came for a while.
"""

from relay.digits.dtmf import DIGITS, SILENT_NS, DigitReceiver
from relay.streams.malformed import EventError

SEEDS: list[bytes] = [
    bytes([5, 0x0A, 0, 160, 5, 0x8A, 1, 0x40, 5, 0x8A, 1, 0x40]),
    bytes([16, 0x8A, 0xFF, 0xFF, 11, 0x0A, 0xFF, 0xFF]),
    b"\1\2\3",
]


def one_input(data: bytes) -> None:
    receiver = DigitReceiver()
    packets = 0
    digits: list[tuple[str, int]] = []
    for at in range(0, len(data), 4):
        packets += 1
        # Half of the packets go on with the event before, half begin another.
        timestamp = (1 << 32) + 1000 * (data[at] >> 1)
        try:
            digits += receiver.receive(data[at : at + 4], timestamp, 8000, at)
        except EventError:
            assert len(data) - at < 4
    digits += receiver.expire(len(data) + SILENT_NS)
    assert not receiver.waiting
    assert len(digits) <= packets
    assert all(digit in DIGITS and duration >= 0 for digit, duration in digits)


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
