"""Any stream gives the same messages however it is cut, each whole, until the first that cannot be framed.

The first octet says where it is cut."""

from signaling.sip.errors import FramingError
from signaling.sip.messages.framing import PING, StreamFramer
from signaling.sip.messages.message import MAX_MESSAGE
from tests.fuzz.fuzz_sip_message import SEEDS as MESSAGES

SEEDS: list[bytes] = [b"\x10" + message for message in MESSAGES] + [
    b"\x05\r\n\r\n\r\nOPTIONS sip:a SIP/2.0\r\nl: 4\r\n\r\nbody\r\nSIP/2.0 200 OK\r\nContent-Length:\r\n 0\r\n\r\n",
    b"\x01A\r\nl: 1\r\nl: 2\r\n\r\n",
]


def one_input(data: bytes) -> None:
    size, stream = (data[0] or 1) if data else 1, data[1:]
    whole = _feed([stream])
    assert whole == _feed([stream[at : at + size] for at in range(0, len(stream), size)])
    messages, error = whole
    assert all(message == PING or b"\r\n\r\n" in message for message in messages)
    assert sum(map(len, messages)) <= len(stream)
    assert error is None or len(error) <= MAX_MESSAGE + 4


def _feed(pieces: list[bytes]) -> tuple[list[bytes], bytes | None]:
    framer, found = StreamFramer(), list[bytes]()
    try:
        for piece in pieces:
            for message in framer.feed(piece):
                found.append(message)
    except FramingError as error:
        return found, error.head
    return found, None


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
