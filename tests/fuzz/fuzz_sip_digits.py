"""The body of an INFO is refused with ParseError or is one digit of a length from 1 to 10000 ms."""

from signaling.sip.errors import ParseError
from signaling.sip.messages.bodies import DTMF, DTMF_RELAY
from signaling.sip.messages.digits import MOST_MS, read_digit
from signaling.sip.messages.message import Headers, Request

SEEDS: list[bytes] = [b"Signal=5\r\nDuration=160\r\n", b"signal = 11 \nDuration=100", b"#", b"10"]


def one_input(data: bytes) -> None:
    for kind in (DTMF_RELAY, DTMF):
        request = Request("INFO", "sip:4930@192.0.2.1", Headers([("Content-Type", kind)]), data)
        try:
            pressed = read_digit(request)
        except ParseError:
            continue
        assert pressed.digit.reveal() in "0123456789*#ABCD"
        assert len(pressed.digit.reveal()) == 1
        assert 1 <= pressed.duration_ms <= MOST_MS


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
