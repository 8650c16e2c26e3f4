import pytest

from relay.api import Srtp
from relay.errors import BadSdp, NoCommonCodec
from relay.formats import Codec
from relay.offers.browser_negotiation import answer_browser, is_for_ice, offer_browser, take_browser_answer
from relay.offers.negotiation import Agreement
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Keying
from relay.transport.ice import Credentials
from tests.relay.offers.test_negotiation import HEAD, PLAIN, SECURE, local
from vault.pii import Pii

OURS = Credentials("ours", Pii("w" * 24))
BROWSER = (
    "a=group:BUNDLE 0 1\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:"
    + "p"
    * 22
    + "\r\n"
    "a=setup:actpass\r\n"
    "a=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
)


def browser(media: str) -> Agreement:
    return answer_browser(SessionDescription.parse(HEAD + media), local("required"), lambda theirs: OURS)


def test_a_browser_gets_all_that_it_needs() -> None:
    agreement = browser(BROWSER)
    said = SessionDescription.parse(agreement.sdp)
    audio, data = said.media
    assert agreement.send.codec == Codec("opus", 48000, 2)
    assert agreement.peer is not None
    assert agreement.peer.fingerprints[0].algorithm == "sha-256"
    assert said.value("group") == "BUNDLE 0"
    assert said.value("ice-lite") == ""
    assert audio.formats == ("111", "0")
    assert audio.value("setup") == "passive"
    assert audio.value("ice-ufrag") == "ours"
    assert audio.value("candidate") == "1 1 udp 2130706431 198.51.100.1 20000 typ host"
    assert (data.port, data.value("mid")) == (0, "1")


def test_a_browsers_address_of_zeros_is_not_hold() -> None:
    assert browser(BROWSER.replace("a=mid:0", "c=IN IP4 0.0.0.0\r\na=mid:0")).direction == "sendrecv"


@pytest.mark.parametrize(("theirs", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_dtls_roles(theirs: str, ours: str) -> None:
    said = SessionDescription.parse(browser(BROWSER.replace("actpass", theirs)).sdp)
    assert said.media[0].value("setup") == ours


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a=rtcp-mux\r\n", ""),
        ("a=ice-ufrag:abcd\r\n", ""),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:a:b:c"),
        ("a=ice-pwd:" + "p" * 22, "a=ice-pwd:short"),
        ("a=fingerprint:sha-256 AB", "a=fingerprint:sha-256 XY"),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
    ],
)
def test_a_browser_that_lacks_something_is_refused(before: str, after: str) -> None:
    assert before in BROWSER
    with pytest.raises(BadSdp):
        browser(BROWSER.replace(before, after, 1))


def take(answer: str) -> Agreement:
    """What it means as the answer to an offer of ours."""
    ours = offer_browser(local("required"), OURS, {})
    return take_browser_answer(ours, SessionDescription.parse(HEAD + answer), lambda theirs: OURS)


def test_our_offer_has_all_that_a_browser_needs() -> None:
    said = SessionDescription.parse(offer_browser(local("required"), OURS, {}).sdp)
    assert (said.value("group"), said.value("ice-lite")) == ("BUNDLE 0", "")
    (audio,) = said.media
    assert (audio.protocol, audio.formats[:2]) == ("UDP/TLS/RTP/SAVPF", ("111", "9"))
    wanted = {"mid": "0", "setup": "actpass", "ice-ufrag": "ours", "ice-pwd": "w" * 24, "rtcp-mux": ""}
    assert {name: audio.value(name) for name in wanted} == wanted
    assert audio.value("candidate") == "1 1 udp 2130706431 198.51.100.1 20000 typ host"


def test_what_was_agreed_keeps_its_numbers_in_the_next_offer() -> None:
    said = SessionDescription.parse(offer_browser(local(), OURS, {63: Codec("opus", 48000, 2)}).sdp)
    assert said.media[0].formats[0] == "63"


@pytest.mark.parametrize(("said", "role"), [("active", "active"), ("passive", "passive"), ("actpass", "active")])
def test_a_browsers_answer_is_taken(said: str, role: str) -> None:
    agreement = take(BROWSER.replace("actpass", said).split("m=application", maxsplit=1)[0])
    assert agreement.send.codec == Codec("opus", 48000, 2)
    assert agreement.receive == {111: Codec("opus", 48000, 2), 0: Codec("PCMU")}
    assert agreement.credentials == OURS
    assert agreement.peer is not None
    assert (agreement.peer.credentials.ufrag, agreement.peer.setup) == ("abcd", role)


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("a=rtcp-mux\r\n", "", BadSdp),
        ("a=ice-ufrag:abcd\r\n", "", BadSdp),
        ("a=fingerprint:sha-256 AB", "a=fingerprint:sha-256 XY", BadSdp),
        ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF", BadSdp),
        ("audio 9 ", "audio 0 ", NoCommonCodec),
        ("SAVPF 63 111 0", "SAVPF 63", NoCommonCodec),
    ],
)
def test_an_answer_that_lacks_something_is_refused(before: str, after: str, error: type[Exception]) -> None:
    assert before in BROWSER
    with pytest.raises(error):
        take(BROWSER.replace(before, after, 1))


@pytest.mark.parametrize(
    ("media", "srtp", "wanted"),
    [
        (BROWSER, "required", True),
        (BROWSER + PLAIN, "offered", True),
        (BROWSER + SECURE, "offered", False),
        (BROWSER, "off", False),
        (BROWSER.replace("a=ice-ufrag:abcd\r\n", ""), "required", False),
        (PLAIN, "offered", False),
    ],
)
def test_dtls_is_for_those_who_have_nothing_else_to_encrypt_with(media: str, srtp: Srtp, wanted: bool) -> None:
    assert is_for_ice(SessionDescription.parse(HEAD + media), Keying(srtp)) is wanted


def test_a_trunk_of_dtls_prefers_it_to_keys_in_the_description() -> None:
    both = SessionDescription.parse(HEAD + SECURE + BROWSER)
    assert not is_for_ice(both, Keying("required"))
    assert is_for_ice(both, Keying("required", keys="dtls"))
