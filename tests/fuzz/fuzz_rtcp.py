"""Any bytes are an RtcpError or packets that, written and read again, are the same."""

from relay.errors import RtcpError
from relay.streams import rtcp
from relay.streams.rtcp import Description, Goodbye, ReceptionReport, Report, SenderInfo

_BLOCK = ReceptionReport(7, 12, -3, 70000, 55, 1, 2)
SEEDS: list[bytes] = [
    Report(1, SenderInfo(1, 2, 3, 4), (_BLOCK,)).serialize() + Description(1, "name").serialize(),
    Report(1, None, (_BLOCK, _BLOCK)).serialize() + Goodbye((1,)).serialize(),
    b"\xa1\xcb\x00\x02\0\0\0\x05\0\0\0\x04",
]


def one_input(data: bytes) -> None:
    try:
        packets = rtcp.parse(data)
    except RtcpError:
        return
    if packets:
        assert rtcp.parse(b"".join(packet.serialize() for packet in packets)) == packets


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
