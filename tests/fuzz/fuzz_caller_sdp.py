"""A peer's SDP is read to a value, or raises SdpError; a value has a true address and a port in range."""

import ipaddress

from bench.call.errors import SdpError
from bench.call.sdp import parse_sdp

SEEDS: list[bytes] = [
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp-mux\r\na=sendonly\r\n",
    b"v=0\r\nc=IN IP6 ::1\r\nm=audio 4000/1 RTP/SAVP 111\r\na=rtpmap:111 opus/48000/2\r\na=rtcp:4001\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^31|1:1\r\n",
]


def one_input(data: bytes) -> None:
    try:
        audio = parse_sdp(data.decode("utf-8", "replace"))
    except SdpError:
        return
    ipaddress.ip_address(audio.address)
    assert 0 <= audio.port <= 65535
    assert len(audio.formats) <= len(data)


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
