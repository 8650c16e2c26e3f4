"""Any text is a BadSdp, a refusal by name, or an answer that our own parser reads and that takes at most one line; none
of an offer of ours that has to be encrypted is met in clear."""

from relay.errors import BadSdp, LegError
from relay.offers.browser_negotiation import answer_browser, offer_browser, take_browser_answer
from relay.offers.negotiation import VOICE, Local, answer_rtp, offer_rtp, take_answer
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Keying, Security, propose
from relay.transport.ice import Credentials
from vault.pii import Pii

LOCAL = Local(1, 1, ("192.0.2.9", 20000), 20001, VOICE, Keying(), "sha-256 AB")
PROPOSALS = (
    propose(Keying("off"), "", Security()),
    propose(Keying("offered"), "", Security()),
    propose(Keying("required"), "", Security()),
    propose(Keying("offered", keys="dtls"), "", Security()),
    propose(Keying("required", keys="dtls"), "", Security()),
)
OURS = Credentials("ours", Pii("w" * 24))
_HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
_KEY = b"inline:" + b"A" * 40
SEEDS: list[bytes] = [
    _HEAD + b"m=audio 5000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendonly\r\n",
    _HEAD
    + b"m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
    + _KEY
    + b"|2^31\r\na=rtcp:9 IN IP4 1.1.1.1\r\n",
    _HEAD + b"a=group:BUNDLE 0\r\na=fingerprint:sha-256 " + b":".join([b"AB"] * 32) + b"\r\n"
    b"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 22 + b"\r\n"
    b"a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
    _HEAD
    + b"m=audio 5000 UDP/TLS/RTP/SAVP 0\r\na=setup:active\r\na=tls-id:abc\r\na=fingerprint:SHA-256 "
    + b":".join([b"CD"] * 32)
    + b"\r\na=rtcp-mux\r\n",
]


def one_input(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        session = SessionDescription.parse(text)
    except BadSdp:
        return
    for sdp in _answers(session):
        answer = SessionDescription.parse(sdp)
        assert len(answer.media) == len(session.media)
        assert sum(line.port > 0 for line in answer.media) == 1


def _answers(session: SessionDescription) -> list[str]:
    answers = []
    try:
        answers.append(answer_rtp(session, LOCAL, Security()).sdp)
    except LegError as error:
        assert error.code != "internal"
    try:
        answers.append(answer_browser(session, LOCAL, lambda theirs: OURS).sdp)
    except LegError as error:
        assert error.code != "internal"
    for proposal in PROPOSALS:
        try:
            secured = take_answer(offer_rtp(LOCAL, proposal, {}), session).encrypted
            assert secured or not proposal.is_binding
        except LegError as error:
            assert error.code != "internal"
    try:
        take_browser_answer(offer_browser(LOCAL, OURS, {}), session, lambda theirs: OURS)
    except LegError as error:
        assert error.code != "internal"
    return answers


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
