"""Any octets are one SIP message, that is written and read back the same, or raise ParseError; its headers likewise."""

from pathlib import Path

from signaling.sip.errors import ParseError
from signaling.sip.messages.envelope import Envelope, request_uri
from signaling.sip.messages.framing import StreamFramer
from signaling.sip.messages.message import Request, parse_message

TORTURE = Path(__file__).parent.parent / "signaling" / "sip" / "messages" / "torture"

SEEDS: list[bytes] = [
    *(path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))),
    b"OPTIONS sip:a@[::1]:5060;lr?x=y SIP/2.0\r\nv: SIP/2.0/UDP a;rport\r\n\r\n\r\nSIP/2.0 200 OK\r\nl: 0\r\n\r\n",
]


def one_input(data: bytes) -> None:
    try:
        list(StreamFramer().feed(data))
        message = parse_message(data)
        assert parse_message(bytes(message)) == message
        if isinstance(message, Request):
            assert str(request_uri(message))
        envelope = Envelope.read(message)
    except ParseError as error:
        assert 400 <= error.status <= 599
    else:
        assert type(envelope.via).parse(str(envelope.via)) == envelope.via
        assert type(envelope.sender).parse(str(envelope.sender)) == envelope.sender


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
