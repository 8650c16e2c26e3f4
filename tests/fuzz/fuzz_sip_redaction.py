"""Whatever a message says, it is shown as printable lines, bounded, and without a run of six digits outside the headers
that count something."""

import re

from signaling.sip.flow import Flow
from signaling.sip.tracing.ladder import Ladder
from signaling.sip.tracing.redaction import MAX_VALUE, show
from signaling.sip.tracing.trace import Trace

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5070))
COUNTERS = ("CSeq", "RAck", "RSeq")
SEEDS: list[bytes] = [
    b"INVITE sip:+493012345678@h;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
    b'f: "Ada \\" L" <sip:+4917123456@h>;tag=1\r\nCall-ID: 123456789\r\nCSeq: 1 INVITE\r\n\r\nbody',
    b"SIP/2.0 486 Busy 4917123456\r\nTo: Bob <tel:+4917123456>\r\ni: 1\r\n\tfolded 123456\r\n"
    b'Reason: SIP;text="123456"\r\n\r\n',
]


def one_input(data: bytes) -> None:
    message = show(data, FLOW, False, 1.0)
    texts = [
        message.start,
        *(text for name, value in message.headers if name not in COUNTERS for text in (name, value)),
    ]
    for text in texts:
        assert not re.search(r"[0-9]{6}", text) and text.isprintable()
    assert all(len(value) <= MAX_VALUE for _, value in message.headers)
    assert list(Ladder(headers=True).add(message))
    trace = Trace(max_octets=5000, messages=2)
    for _ in range(3):
        call_id = trace.note(data, FLOW, True, 1.0)
    assert len(trace.of(call_id or "")) <= 2


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
