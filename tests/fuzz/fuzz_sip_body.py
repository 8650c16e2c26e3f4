"""Any body is parts that are the same when joined and split again, or raises ParseError; its SDP is text or None."""

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.bodies import read_contents, read_sdp
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.multipart import join_parts, split_parts
from tests.signaling.sip.messages.test_torture import TORTURE

SDP = b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x--\r\n"

SEEDS: list[bytes] = [
    SDP,
    b"p\r\n--x\r\nContent-Disposition: a;handling=optional\r\n\r\n1\r\n--x  \r\n\r\n2\r\n--x--e",
    b'--x\r\nContent-Type: multipart/mixed;boundary="y"\r\n\r\n' + SDP.replace(b"--x", b"--y") + b"\r\n--x--",
    (TORTURE / "mpart01.dat").read_bytes().partition(b"\r\n\r\n")[2].replace(b"7a9cbec02ceef655", b"x"),
]


def one_input(data: bytes) -> None:
    message = Request("INVITE", "sip:a@b", Headers([("Content-Type", "multipart/mixed;boundary=x")]), data)
    sdp = read_sdp(message)
    assert sdp is None or isinstance(sdp, str)
    try:
        read_contents(message)
        parts = split_parts(data, "x")
    except ParseError as error:
        assert 400 <= error.status <= 599
        return
    try:
        joined = join_parts(parts, "x")
    except ValueRefused:
        return  # a part has the delimiter in its headers, or one that trailing text made none
    assert split_parts(joined, "x") == parts


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
