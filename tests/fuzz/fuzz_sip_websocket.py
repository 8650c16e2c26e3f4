"""Whatever frames come on a WebSocket, they end it by a close or are messages for the user agent, which has no fault;
each message of his comes back as one whole frame, of text if and only if it is UTF-8.

An input is what a client sends once it is connected; the first octet says in pieces of which length it comes."""

import itertools

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow
from signaling.sip.messages.message import parse_message
from signaling.softphone.protocol import MAX_MESSAGE
from tests.fuzz.fuzz_sip_message import SEEDS as MESSAGES
from tests.signaling.sip.phone import LOCAL, Directory

FLOW = Flow("wss", LOCAL, ("198.51.100.7", 40000), 1)
MASK = bytes(4)
"""Leaves what is masked as it is, so that a seed can be read."""
PONG = b"\r\n"


def _frame(data: bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    head = bytes((opcode | (0x80 if fin else 0), 0x80 | (len(data) if len(data) < 126 else 126)))
    return head + (len(data).to_bytes(2, "big") if len(data) >= 126 else b"") + MASK + data


_REGISTER = (
    b"REGISTER sip:acme SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\r\nFrom: <sip:ann@acme>;tag=t\r\n"
    b"To: <sip:ann@acme>\r\nCall-ID: reg\r\nCSeq: 1 REGISTER\r\nContact: <sip:ann@x.invalid;transport=ws>\r\n\r\n"
)
SEEDS: list[bytes] = [
    *(b"\xff" + _frame(message) for message in MESSAGES[:8]),
    b"\x07" + _frame(_REGISTER) + _frame(b"\r\n\r\n", Opcode.BINARY) + _frame(b"", Opcode.CLOSE),
    b"\x40" + _frame(_REGISTER[:40], fin=False) + _frame(b"?", Opcode.PING) + _frame(_REGISTER[40:], Opcode.CONT),
    b"\x02" + _frame(b"\x03\xe8end", Opcode.CLOSE) + _frame(_REGISTER),
]


def one_input(data: bytes) -> None:
    size, stream = (data[0] or 1) if data else 1, data[1:]
    ids = itertools.count()
    agent = UserAgent(SipConfig(new_id=lambda: f"id{next(ids)}"), lambda flow: None, Directory())
    server = ServerProtocol(state=OPEN, max_size=MAX_MESSAGE)
    client = ClientProtocol(parse_uri("wss://h/"), state=OPEN, max_size=None)
    whole = _Messages()
    for at in range(0, len(stream), size):
        server.receive_data(stream[at : at + size])
        for frame in server.events_received():
            assert isinstance(frame, Frame)
            if (message := whole.take(frame)) is not None:
                agent.receive(message, FLOW, 1.0)
                _send(agent, server, client)
    assert agent.counters.faults == 0
    if server.parser_exc is not None:
        assert server.close_expected()
    server.receive_eof()


def _send(agent: UserAgent, server: ServerProtocol, client: ClientProtocol) -> None:
    sent = [outgoing.data for outgoing in agent.take()]
    assert all(outgoing == PONG or bytes(parse_message(outgoing)) for outgoing in sent)
    if server.state is not OPEN:
        return
    for outgoing in sent:
        server.send_text(outgoing) if _is_text(outgoing) else server.send_binary(outgoing)
    for data in server.data_to_send():
        client.receive_data(data)
    heard = [event for event in client.events_received() if isinstance(event, Frame)]
    assert client.parser_exc is None
    assert [frame.data for frame in heard if frame.opcode in (Opcode.TEXT, Opcode.BINARY)] == sent
    assert all(frame.fin for frame in heard)


class _Messages:
    """The frames of one message, until it is whole."""

    def __init__(self) -> None:
        self._opcode, self._data = Opcode.TEXT, b""

    def take(self, frame: Frame) -> bytes | None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        if frame.opcode is not Opcode.CONT:
            self._opcode, self._data = frame.opcode, b""
        self._data += frame.data
        if not frame.fin or (self._opcode is Opcode.TEXT and not _is_text(self._data)):
            return None
        assert len(self._data) <= MAX_MESSAGE
        return self._data


def _is_text(data: bytes) -> bool:
    return data.decode("utf-8", "replace").encode() == data


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
