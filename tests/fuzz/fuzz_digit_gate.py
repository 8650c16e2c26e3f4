"""Whatever a leg is sent and however it is masked, its gate lets each packet through exactly once and holds few."""

from relay.codecs import g711
from relay.digits.digit_gate import MOST_HELD, DigitGate
from relay.digits.keypad import Keypad
from relay.formats import Codec
from relay.streams.rtp import RtpPacket

CODECS = (Codec("PCMU"), Codec("PCMA"), Codec("telephone-event"), Codec("CN"), Codec("opus", 48000, 2))
_keypad = Keypad()
_keypad.press("5", 200)
_TONE = g711.encode("PCMU", _keypad.tone(1600, 8000)).tobytes()
SEEDS: list[bytes] = [
    b"".join(bytes([0, 160]) + _TONE[at : at + 160] for at in range(0, 1600, 160)),
    b"".join(bytes([8 | (at & 16), 80]) + _TONE[at : at + 80] for at in range(0, 1600, 80)),
    bytes([2, 4, 5, 10, 0, 160, 2, 4, 5, 0x8A, 1, 64, 3, 1, 60, 4, 2, 8, 0xFF, 0, 0]),
]


def one_input(data: bytes) -> None:
    gate = DigitGate(bool(data) and data[0] > 0x7F)
    given: list[int] = []
    through: list[int] = []
    at = 0
    while at + 2 <= len(data):
        head, length = data[at], data[at + 1]
        payload = data[at + 2 : at + 2 + length]
        at += 2 + length
        if bool(head & 8) != gate.masked:
            through += [packet.sequence for packet in gate.mask(bool(head & 8))]
        packet = RtpPacket(0, False, 1, len(given), 160 * (head >> 4), payload)
        given.append(packet.sequence)
        packets, found = gate.take(packet, CODECS[head & 7] if head & 7 < len(CODECS) else CODECS[0], at)
        through += [one.sequence for one in packets]
        assert len(found) <= len(payload) + 1
        assert len(given) - len(through) <= MOST_HELD
    through += [packet.sequence for packet in gate.mask(False)]
    # Events do not wait for sound: their order among it is that of their numbers, which all behind go by.
    assert sorted(through) == given


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
