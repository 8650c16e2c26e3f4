"""What an offer and an answer say of encryption, and what both sides make of it."""

import pytest

from relay.api import Keys, Srtp
from relay.errors import BadSdp, SrtpNotAllowed, SrtpRequired
from relay.offers.negotiation import Agreement
from relay.offers.negotiator import RtpNegotiator
from relay.offers.sdes import Crypto
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Handshake, Keying, Security
from relay.transport.srtp import SUITES

PEER = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
KEY = f"a=crypto:1 {Crypto.generate(1, SUITES['AES_CM_128_HMAC_SHA1_80']).value()[2:]}\r\n"
PRINT = "a=fingerprint:SHA-256 " + ":".join(["ab"] * 32) + "\r\n"
OTHER = PRINT.replace("ab", "cd")
OURS = "sha-256 " + ":".join(["EF"] * 32)


def line(protocol: str, *attributes: str) -> str:
    return f"m=audio 5000 {protocol} 0\r\n" + "".join(attributes)


def leg(srtp: Srtp = "offered", keys: Keys = "sdes") -> RtpNegotiator:
    return RtpNegotiator(("198.51.100.1", 20000), 20001, ("PCMU",), Keying(srtp, keys=keys), OURS)


def met(media: str, srtp: Srtp = "offered", keys: Keys = "sdes") -> tuple[str, str]:
    """The protocol and the kind of encryption that an offer is met with."""
    return kind(leg(srtp, keys).answer(PEER + media))


def kind(agreement: Agreement) -> tuple[str, str]:
    said = agreement.security
    return agreement.protocol, "dtls" if said.handshake else "sdes" if said.ours else "none"


DTLS = line("UDP/TLS/RTP/SAVP", PRINT)
SDES = line("RTP/SAVP", KEY)


@pytest.mark.parametrize(
    ("media", "srtp", "keys", "wanted"),
    [
        (DTLS, "offered", "sdes", ("UDP/TLS/RTP/SAVP", "dtls")),
        (DTLS, "required", "sdes", ("UDP/TLS/RTP/SAVP", "dtls")),
        (line("UDP/TLS/RTP/SAVPF", PRINT), "required", "dtls", ("UDP/TLS/RTP/SAVPF", "dtls")),
        (line("RTP/SAVP", PRINT), "required", "sdes", ("RTP/SAVP", "dtls")),
        (line("RTP/SAVP", PRINT, KEY), "required", "sdes", ("RTP/SAVP", "sdes")),
        (line("RTP/SAVP", PRINT, KEY), "required", "dtls", ("RTP/SAVP", "dtls")),
        (DTLS + SDES, "offered", "sdes", ("RTP/SAVP", "sdes")),
        (SDES + DTLS, "offered", "dtls", ("UDP/TLS/RTP/SAVP", "dtls")),
        (SDES, "required", "dtls", ("RTP/SAVP", "sdes")),
        (line("RTP/AVP", KEY), "offered", "sdes", ("RTP/AVP", "sdes")),
        (line("RTP/AVP", PRINT), "offered", "sdes", ("RTP/AVP", "dtls")),
        (line("RTP/AVP", KEY, PRINT), "required", "dtls", ("RTP/AVP", "dtls")),
        (line("RTP/AVP", KEY, PRINT), "off", "sdes", ("RTP/AVP", "none")),
        (line("RTP/AVP"), "offered", "dtls", ("RTP/AVP", "none")),
    ],
)
def test_an_offer_is_met_by_what_it_has_and_the_trunk_prefers(
    media: str, srtp: Srtp, keys: Keys, wanted: tuple[str, str]
) -> None:
    assert met(media, srtp, keys) == wanted


@pytest.mark.parametrize(
    ("media", "srtp", "error"),
    [
        (DTLS, "off", SrtpNotAllowed),
        (line("RTP/AVP"), "required", SrtpRequired),
        (line("UDP/TLS/RTP/SAVP"), "offered", BadSdp),
        (line("UDP/TLS/RTP/SAVP", "a=fingerprint:sha-1 " + ":".join(["ab"] * 20) + "\r\n"), "offered", BadSdp),
        (line("UDP/TLS/RTP/SAVP", PRINT, "a=setup:holdconn\r\n"), "offered", BadSdp),
        (line("RTP/AVP", "a=fingerprint:sha-256 zz\r\n"), "offered", BadSdp),
    ],
)
def test_refusals(media: str, srtp: Srtp, error: type[Exception]) -> None:
    with pytest.raises(error):
        met(media, srtp)


@pytest.mark.parametrize(("said", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_the_answer_has_our_fingerprint_and_the_role_that_is_left(said: str, ours: str) -> None:
    agreed = leg().answer(PEER + line("UDP/TLS/RTP/SAVP", PRINT, f"a=setup:{said}\r\n"))
    media = SessionDescription.parse(agreed.sdp).media[0]
    assert (media.value("setup"), media.value("fingerprint")) == (ours, OURS)
    assert media.value("ice-ufrag") is media.value("crypto") is None
    assert agreed.security.handshake is not None and agreed.security.handshake.active == (ours == "active")


def test_who_began_the_handshake_does_so_again_while_the_certificate_stays() -> None:
    asked = leg()
    first = asked.answer(PEER + line("UDP/TLS/RTP/SAVP", PRINT, "a=setup:passive\r\n"))
    again = asked.answer(PEER + line("UDP/TLS/RTP/SAVP", PRINT, "a=setup:actpass\r\n"))
    assert again.security == first.security
    other = asked.answer(PEER + line("UDP/TLS/RTP/SAVP", OTHER, "a=setup:actpass\r\n"))
    assert other.security.handshake is not None and not other.security.handshake.active


def test_another_tls_id_is_another_association() -> None:
    asked = leg()
    first, second = (asked.answer(PEER + line("UDP/TLS/RTP/SAVP", PRINT, f"a=tls-id:{name * 20}\r\n")) for name in "ab")
    assert first.security != second.security


@pytest.mark.parametrize(
    ("srtp", "keys", "protocol", "attributes"),
    [
        ("off", "sdes", "RTP/AVP", set()),
        ("offered", "sdes", "RTP/AVP", {"crypto"}),
        ("required", "sdes", "RTP/SAVP", {"crypto"}),
        ("offered", "dtls", "RTP/AVP", {"fingerprint", "setup"}),
        ("required", "dtls", "UDP/TLS/RTP/SAVP", {"fingerprint", "setup"}),
    ],
)
def test_our_offer_is_what_the_trunk_says(srtp: Srtp, keys: Keys, protocol: str, attributes: set[str]) -> None:
    offer = leg(srtp, keys).offer()
    media = SessionDescription.parse(offer.sdp).media[0]
    names = {attribute.name for attribute in media.attributes}
    assert media.protocol == protocol
    assert names & {"crypto", "fingerprint", "setup"} == attributes
    assert offer.encrypted == (srtp == "required")


@pytest.mark.parametrize("keys", ["sdes", "dtls"])
@pytest.mark.parametrize("srtp", ["offered", "required"])
@pytest.mark.parametrize("theirs", ["off", "offered"])
def test_two_of_us_agree_or_the_offer_that_binds_is_refused(srtp: Srtp, keys: Keys, theirs: Srtp) -> None:
    caller, called = leg(srtp, keys), leg(theirs)
    offer = caller.offer()
    if (srtp, theirs) == ("required", "off"):
        with pytest.raises(SrtpNotAllowed):
            called.answer(offer.sdp)
        return
    answered = called.answer(offer.sdp)
    taken = caller.take_answer(answered.sdp)
    assert kind(taken)[1] == kind(answered)[1] == ("none" if theirs == "off" else keys)
    # What is in use is offered again, and nothing else.
    again = caller.take_answer(called.answer(caller.offer().sdp).sdp)
    assert kind(again)[1] == kind(taken)[1]
    back = called.take_answer(caller.answer(called.offer().sdp).sdp)
    assert kind(back)[1] == kind(taken)[1]


def test_what_is_agreed_stays_through_offers_of_either_side() -> None:
    caller, called = leg("required", "dtls"), leg()
    answered = called.answer(caller.offer().sdp)
    first = caller.take_answer(answered.sdp)
    assert answered.security.handshake is not None
    assert first.security == Security(handshake=Handshake(answered.security.handshake.fingerprints, "", active=True))
    assert caller.take_answer(called.answer(caller.offer().sdp).sdp).security == first.security
    assert caller.answer(called.offer().sdp).security == first.security


@pytest.mark.parametrize(
    ("srtp", "answer", "error"),
    [
        ("required", line("RTP/AVP"), SrtpRequired),
        ("required", line("RTP/SAVP"), SrtpRequired),
        ("required", line("UDP/TLS/RTP/SAVP", PRINT), SrtpRequired),
        ("offered", line("UDP/TLS/RTP/SAVP", PRINT), BadSdp),
        ("offered", line("RTP/AVP", KEY.replace("crypto:1", "crypto:9")), SrtpRequired),
        ("off", line("RTP/SAVP", KEY), BadSdp),
    ],
)
def test_answers_that_are_none(srtp: Srtp, answer: str, error: type[Exception]) -> None:
    asked = leg(srtp)
    asked.offer()
    with pytest.raises(error):
        asked.take_answer(PEER + answer)


@pytest.mark.parametrize(("said", "active"), [("passive", True), ("active", False), ("", False)])
def test_the_answer_says_who_begins(said: str, active: bool) -> None:
    asked = leg("required", "dtls")
    asked.offer()
    taken = asked.take_answer(PEER + line("UDP/TLS/RTP/SAVP", PRINT, f"a=setup:{said}\r\n" if said else ""))
    assert taken.security.handshake is not None and taken.security.handshake.active is active


def test_zeros_as_address_mean_hold_where_there_is_no_ice() -> None:
    held = "m=audio 5000 UDP/TLS/RTP/SAVP 0\r\nc=IN IP4 0.0.0.0\r\n" + PRINT
    agreed = leg().answer(PEER + held)
    assert (agreed.remote, agreed.direction) == (None, "recvonly")
