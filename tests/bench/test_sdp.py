import pytest

from bench.call.errors import MediaError, SdpError
from bench.call.negotiation import Negotiation, Srtp, Terms
from bench.call.sdp import parse_sdp

ANSWER = """v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 4000 RTP/AVP 8 96
a=rtpmap:96 telephone-event/8000
a=rtcp:4009
a=sendonly
"""


def negotiation(*codecs: str, srtp: Srtp = "off") -> Negotiation:
    return Negotiation(Terms(codecs or ("PCMU", "PCMA", "opus"), srtp), ("192.0.2.9", 5000))


def test_an_answer_is_read() -> None:
    agreement = negotiation().accept_answer(ANSWER)
    assert (agreement.codec.name, agreement.payload_type, agreement.events) == ("PCMA", 8, 96)
    assert (agreement.remote, agreement.remote_rtcp) == (("192.0.2.1", 4000), ("192.0.2.1", 4009))
    assert not agreement.sends, "the peer has us on hold"


def test_two_of_us_agree() -> None:
    caller, callee = negotiation("opus", srtp="sdes"), negotiation("PCMU", "opus", srtp="sdes")
    answer, theirs = callee.answer(caller.offer)
    ours = caller.accept_answer(answer)
    assert ours.codec.name == theirs.codec.name == "opus"
    assert ours.remote == ours.remote_rtcp, "multiplexed"
    assert ours.cipher is not None and theirs.cipher is not None
    packet = bytes.fromhex("80000001000000020000000300112233")
    assert theirs.cipher.unprotect(ours.cipher.protect(packet)) == packet


def test_hold_and_resume_keep_the_cipher() -> None:
    caller, callee = negotiation(srtp="sdes"), negotiation(srtp="sdes")
    first = callee.answer(caller.offer)[1]
    answer, held = callee.answer(caller.change("sendonly"))
    assert "a=recvonly" in answer and not held.sends and held.cipher is first.cipher
    answer, resumed = callee.answer(caller.change("sendrecv"))
    assert resumed.sends and parse_sdp(answer).direction == "sendrecv"


@pytest.mark.parametrize("sdp", ["", ANSWER.replace("audio 4000", "audio 0"), ANSWER.replace("AVP 8 96", "AVP 18")])
def test_answers_that_are_of_no_use(sdp: str) -> None:
    with pytest.raises(MediaError):
        negotiation().accept_answer(sdp)


def test_encryption_is_all_or_nothing() -> None:
    with pytest.raises(MediaError, match="--srtp"):
        negotiation(srtp="sdes").accept_answer(ANSWER)


@pytest.mark.parametrize(
    "line",
    ["m=audio x RTP/AVP 0", "m=audio 70000 RTP/AVP 0", "m=audio 4000 UDP/TLS/RTP/SAVPF 0", "m=video 4000 RTP/AVP 0"],
)
def test_media_lines_that_are_refused(line: str) -> None:
    with pytest.raises(SdpError):
        parse_sdp(ANSWER.replace("m=audio 4000 RTP/AVP 8 96", line))


@pytest.mark.parametrize(
    "line",
    [
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:????",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        "a=rtpmap:x",
        "c=IN IP4 host.example",
    ],
)
def test_attributes_that_are_refused(line: str) -> None:
    with pytest.raises(SdpError):
        parse_sdp(ANSWER + line)


def test_keys_do_not_print() -> None:
    audio = parse_sdp(negotiation(srtp="sdes").offer)
    assert "•••" in repr(audio.crypto[0])
