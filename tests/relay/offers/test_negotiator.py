import pytest

from relay.errors import BadSdp, SrtpNotAllowed, SrtpRequired
from relay.offers.negotiation import Offer
from relay.offers.negotiator import RtpNegotiator
from relay.offers.sdes import Crypto
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Keying, Proposal
from relay.transport.srtp import SUITES

PEER = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
CRYPTO = "a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
SECURE = PEER + "m=audio 5000 RTP/SAVP 0\r\n" + CRYPTO


OFFERED = Keying()


def keys_of(offer: Offer) -> tuple[Crypto, ...]:
    assert offer.proposal is not None
    return offer.proposal.crypto


def negotiator(keying: Keying = OFFERED) -> RtpNegotiator:
    return RtpNegotiator(("198.51.100.1", 20000), 20001, ("PCMU", "PCMA"), keying)


def test_an_offer_in_a_secure_call_is_secure_and_has_the_key_in_use() -> None:
    leg = negotiator()
    agreed = leg.answer(SECURE)
    offer = leg.offer()
    assert agreed.security.ours is not None
    assert offer.proposal == Proposal("RTP/SAVP", (agreed.security.ours,))
    assert SessionDescription.parse(offer.sdp).media[0].protocol == "RTP/SAVP"
    assert leg.take_answer(SECURE).security.ours == agreed.security.ours


def test_each_description_of_ours_has_the_next_version() -> None:
    leg = negotiator()
    first = leg.offer()
    leg.take_answer(PEER + "m=audio 5000 RTP/AVP 0\r\n")
    texts = [first.sdp, leg.offer().sdp, leg.answer(PEER + "m=audio 5000 RTP/AVP 0\r\n").sdp]
    assert [int(text.split("\r\n")[1].split()[2]) for text in texts] == [1, 2, 3]


def test_the_answer_of_another_phone_takes_the_place_of_the_first_until_there_is_a_new_offer() -> None:
    leg = negotiator()
    leg.offer()
    assert leg.take_answer(PEER + "m=audio 5000 RTP/AVP 0\r\n").remote == ("192.0.2.1", 5000)
    assert leg.take_answer(PEER + "m=audio 6000 RTP/AVP 8\r\n").remote == ("192.0.2.1", 6000)
    leg.answer(PEER + "m=audio 7000 RTP/AVP 8\r\n")
    with pytest.raises(BadSdp):
        leg.take_answer(PEER + "m=audio 5000 RTP/AVP 0\r\n")


def line(tag: int, suite: str) -> str:
    return f"a=crypto:{Crypto.generate(tag, SUITES[suite]).value()}\r\n"


OFFER = PEER + "m=audio 5000 RTP/SAVP 0\r\n" + line(1, "AES_CM_128_HMAC_SHA1_80") + line(2, "AEAD_AES_256_GCM")


@pytest.mark.parametrize(
    ("suites", "chosen"),
    [
        ((), "AES_CM_128_HMAC_SHA1_80"),
        (("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"), "AEAD_AES_256_GCM"),
        (("AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"), "AES_CM_128_HMAC_SHA1_80"),
    ],
)
def test_the_best_suite_by_our_order_is_taken(suites: tuple[str, ...], chosen: str) -> None:
    agreed = negotiator(Keying("required", suites)).answer(OFFER)
    assert agreed.security.ours is not None and agreed.security.theirs is not None
    assert agreed.security.ours.suite.name == agreed.security.theirs.suite.name == chosen
    assert agreed.security.ours.tag == agreed.security.theirs.tag


def test_a_suite_that_is_not_allowed_is_none() -> None:
    with pytest.raises(SrtpRequired):
        negotiator(Keying("required", ("AES_CM_128_HMAC_SHA1_32",))).answer(OFFER)
    with pytest.raises(SrtpNotAllowed):
        negotiator(Keying("offered", ("AES_CM_128_HMAC_SHA1_32",))).answer(OFFER)


def test_our_offer_has_the_suites_in_our_order() -> None:
    wanted = ("AES_256_CM_HMAC_SHA1_80", "AEAD_AES_128_GCM")
    offer = negotiator(Keying("required", wanted)).offer()
    assert tuple(crypto.suite.name for crypto in keys_of(offer)) == wanted
    everything = negotiator(Keying("required")).offer()
    assert [crypto.suite.name for crypto in keys_of(everything)] == list(SUITES)
