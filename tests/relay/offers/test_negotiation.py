import pytest

from relay.api import Srtp
from relay.errors import BadSdp, NoCommonCodec, SrtpNotAllowed, SrtpRequired
from relay.formats import Codec
from relay.offers.negotiation import VOICE, Agreement, Local, answer_rtp, offer_rtp, same_family, take_answer
from relay.offers.sdes import Crypto
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Keying, Proposal, Security
from relay.transport.srtp import SUITES

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
EVENT = "a=rtpmap:101 telephone-event/8000\r\n"
OPUS = "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1; maxplaybackrate=16000;maxaveragebitrate=20000\r\n"
OURS = Crypto.generate(1, SUITES["AES_CM_128_HMAC_SHA1_80"])
CRYPTO = f"a=crypto:{OURS.value()}\r\n"
PLAIN = "m=audio 5000 RTP/AVP 8 0 101\r\n" + EVENT
SECURE = "m=audio 5002 RTP/SAVP 0\r\n" + CRYPTO
CLEAR = Proposal("RTP/AVP")
STRANGE = "m=audio 5004 RTP/SAVP 0\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\n"


def local(srtp: Srtp = "offered", codecs: tuple[str, ...] = VOICE) -> Local:
    return Local(7, 1, ("198.51.100.1", 20000), 20001, codecs, Keying(srtp))


def answer(media: str, srtp: Srtp = "offered", codecs: tuple[str, ...] = VOICE) -> tuple[Agreement, SessionDescription]:
    agreement = answer_rtp(SessionDescription.parse(HEAD + media), local(srtp, codecs), Security())
    return agreement, SessionDescription.parse(agreement.sdp)


def test_the_first_codec_of_the_peer_that_is_allowed_is_sent() -> None:
    agreement, said = answer(PLAIN)
    assert agreement.send.codec == Codec("PCMA")
    assert agreement.receive == {8: Codec("PCMA"), 0: Codec("PCMU"), 101: Codec("telephone-event")}
    assert agreement.remote == ("192.0.2.1", 5000)
    assert agreement.remote_rtcp == ("192.0.2.1", 5001)
    assert said.media[0].formats == ("8", "0", "101")
    assert said.media[0].value("rtcp") == "20001"
    assert "a=fmtp:101 0-15" in agreement.sdp


def test_codecs_that_are_not_allowed_are_left_out() -> None:
    agreement, said = answer(PLAIN, codecs=("PCMU",))
    assert agreement.send.codec == Codec("PCMU")
    assert said.media[0].formats == ("0", "101")


def test_opus_parameters_of_the_peer_are_followed() -> None:
    agreement, _ = answer("m=audio 5000 RTP/AVP 96\r\na=ptime:40\r\n" + OPUS)
    assert agreement.send.codec == Codec("opus", 48000, 2)
    assert (agreement.send.payload_type, agreement.send.ptime_ms, agreement.send.bitrate) == (96, 40, 20000)
    assert agreement.send.fec
    assert agreement.send.max_playback_rate == 16000
    assert not agreement.send.dtx


def test_a_peer_that_wants_no_silence_sent_is_obeyed() -> None:
    agreement, _ = answer("m=audio 5000 RTP/AVP 96\r\n" + OPUS.replace("useinbandfec", "usedtx=1;useinbandfec"))
    assert agreement.send.dtx


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_directions_are_mirrored(theirs: str, ours: str) -> None:
    agreement, said = answer(f"{PLAIN}a={theirs}\r\n")
    assert agreement.direction == ours
    assert said.media[0].value(ours) == ""
    at_session = SessionDescription.parse(f"{HEAD}a={theirs}\r\n{PLAIN}")
    assert answer_rtp(at_session, local(), Security()).direction == ours


def test_an_address_of_zeros_is_hold() -> None:
    agreement, _ = answer(PLAIN + "c=IN IP4 0.0.0.0\r\n")
    assert agreement.direction == "recvonly"
    assert agreement.remote is None


def test_rtcp_is_where_the_peer_says() -> None:
    assert answer(PLAIN + "a=rtcp:7777\r\n")[0].remote_rtcp == ("192.0.2.1", 7777)
    agreement, said = answer(PLAIN + "a=rtcp-mux\r\n")
    assert agreement.remote_rtcp == ("192.0.2.1", 5000)
    assert said.media[0].value("rtcp-mux") == ""


def test_other_media_lines_are_refused_in_their_place() -> None:
    _, said = answer("m=video 6000 RTP/AVP 31\r\n" + PLAIN + "m=audio 6002 RTP/AVP 0\r\n")
    assert [(line.kind, line.port) for line in said.media] == [("video", 0), ("audio", 20000), ("audio", 0)]


@pytest.mark.parametrize("srtp", ["offered", "required"])
@pytest.mark.parametrize("media", [SECURE, PLAIN + SECURE, SECURE + PLAIN, STRANGE + SECURE])
def test_srtp_is_taken_where_it_is_offered(media: str, srtp: Srtp) -> None:
    agreement, said = answer(media, srtp)
    assert agreement.security.theirs == OURS
    assert agreement.security.ours is not None
    assert agreement.security.ours.key != OURS.key
    taken = next(line for line in said.media if line.port)
    assert taken.protocol == "RTP/SAVP"
    assert list(taken.values("crypto")) == [agreement.security.ours.value()]


def test_our_key_stays_while_the_suite_does() -> None:
    first, _ = answer(SECURE)
    again = answer_rtp(SessionDescription.parse(HEAD + SECURE), local(), first.security)
    assert again.security.ours == first.security.ours


@pytest.mark.parametrize(
    ("media", "srtp", "error"),
    [
        (PLAIN, "required", SrtpRequired),
        (STRANGE, "required", SrtpRequired),
        (SECURE, "off", SrtpNotAllowed),
        (STRANGE, "offered", SrtpNotAllowed),
        ("", "offered", BadSdp),
        ("m=audio 0 RTP/AVP 0\r\n", "offered", BadSdp),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "offered", BadSdp),
        ("m=audio 5000 RTP/AVP 18 3 101\r\n" + EVENT, "offered", NoCommonCodec),
        ("m=audio 5000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n", "offered", NoCommonCodec),
        ("m=audio 5000 RTP/AVP 0\r\na=rtpmap:zero PCMU\r\n", "offered", BadSdp),
        ("m=audio 5000 RTP/AVP 300\r\n", "offered", BadSdp),
        ("m=audio 5000 RTP/AVP 0\r\na=rtcp:x\r\n", "offered", BadSdp),
        ("m=audio 5000 RTP/AVP 0\r\na=ptime:x\r\n", "offered", BadSdp),
    ],
)
def test_refusals(media: str, srtp: Srtp, error: type[Exception]) -> None:
    with pytest.raises(error):
        answer(media, srtp)


def test_the_peers_address_must_be_of_our_family() -> None:
    agreement, _ = answer(PLAIN + "c=IN IP6 2001:db8::1\r\n")
    with pytest.raises(BadSdp):
        same_family(agreement, local().address)


@pytest.mark.parametrize("secure", [False, True])
def test_two_of_us_agree_by_offer_and_answer(secure: bool) -> None:
    keys = tuple(Crypto.generate(tag, suite) for tag, suite in enumerate(SUITES.values(), 1)) if secure else ()
    proposal = Proposal("RTP/SAVP", keys) if secure else CLEAR
    offer = offer_rtp(local("required" if secure else "offered", ("PCMA", "opus")), proposal, {})
    answered = answer_rtp(SessionDescription.parse(offer.sdp), local(), Security())
    taken = take_answer(offer, SessionDescription.parse(answered.sdp))
    assert taken.send.codec == answered.send.codec == Codec("PCMA")
    assert taken.receive == answered.receive
    assert taken.rtcp_mux and answered.rtcp_mux
    assert (taken.security.ours, taken.security.theirs) == (answered.security.theirs, answered.security.ours)
    assert taken.encrypted == secure


def test_an_answer_may_use_other_payload_types_than_the_offer() -> None:
    offer = offer_rtp(local(codecs=("opus",)), CLEAR, {})
    taken = take_answer(offer, SessionDescription.parse(HEAD + "m=audio 5000 RTP/AVP 96\r\n" + OPUS))
    assert taken.send.payload_type == 96
    assert taken.receive == {111: Codec("opus", 48000, 2), 96: Codec("opus", 48000, 2)}
    again = offer_rtp(local(codecs=("opus",)), CLEAR, taken.receive)
    assert [form.payload_type for form in again.formats if form.codec.name == "opus"] == [111]


def test_an_answer_does_not_give_our_payload_types_another_meaning() -> None:
    offer = offer_rtp(local(codecs=("G722", "PCMU")), CLEAR, {})
    media = "m=audio 5000 RTP/AVP 96 9\r\na=rtpmap:96 PCMU/8000\r\na=rtpmap:9 PCMU/8000\r\n"
    taken = take_answer(offer, SessionDescription.parse(HEAD + media))
    assert taken.receive == {0: Codec("PCMU"), 96: Codec("PCMU")}


def test_an_answer_with_a_codec_that_was_not_offered_is_refused() -> None:
    offer = offer_rtp(local(codecs=("PCMU",)), CLEAR, {})
    with pytest.raises(NoCommonCodec):
        take_answer(offer, SessionDescription.parse(HEAD + "m=audio 5000 RTP/AVP 8\r\n"))


@pytest.mark.parametrize(
    ("media", "codec", "ptime_ms"),
    [
        ("m=audio 5000 RTP/AVP 9\r\n", Codec("G722"), 20),
        ("m=audio 5000 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\na=ptime:60\r\n", Codec("G722"), 60),
        ("m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 L16/8000\r\na=ptime:60\r\n", Codec("L16"), 60),
        ("m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 l16/16000/1\r\na=ptime:60\r\n", Codec("L16", 16000), 40),
    ],
)
def test_wide_band_codecs_are_answered(media: str, codec: Codec, ptime_ms: int) -> None:
    agreement, said = answer(media)
    assert (agreement.send.codec, agreement.send.ptime_ms) == (codec, ptime_ms)
    assert codec in agreement.receive.values()
    assert f"{codec.name}/{codec.clock}" in (said.media[0].value("rtpmap") or "")


def test_both_rates_of_l16_are_offered() -> None:
    offer = offer_rtp(local(codecs=("L16",)), CLEAR, {})
    answered = answer_rtp(SessionDescription.parse(offer.sdp), local(), Security())
    assert answered.send.codec == Codec("L16", 16000)
    assert take_answer(offer, SessionDescription.parse(answered.sdp)).receive == answered.receive


def test_payload_types_in_use_keep_their_meaning_in_our_next_offer() -> None:
    agreed, _ = answer(
        "m=audio 5000 RTP/AVP 101 96\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:96 telephone-event/8000\r\n"
    )
    offer = offer_rtp(local(), CLEAR, agreed.receive)
    assert {form.payload_type: form.codec.name for form in offer.formats} == {
        101: "opus",
        9: "G722",
        0: "PCMU",
        8: "PCMA",
        112: "L16",
        113: "L16",
        96: "telephone-event",
        13: "CN",
    }
    assert [form.payload_type for form in offer.formats] == [101, 9, 0, 8, 112, 113, 96, 13]


def test_a_number_in_use_is_not_given_to_another_codec() -> None:
    agreed, _ = answer("m=audio 5000 RTP/AVP 0 111\r\na=rtpmap:111 telephone-event/8000\r\n")
    offer = offer_rtp(local(), CLEAR, agreed.receive)
    assert [form.payload_type for form in offer.formats] == [0, 9, 8, 112, 113, 111, 13]


@pytest.mark.parametrize("media", ["m=audio 0 RTP/AVP 0\r\n", "m=audio 5000 RTP/AVP 18\r\n", ""])
def test_an_answer_without_a_codec_is_refused(media: str) -> None:
    with pytest.raises(NoCommonCodec):
        take_answer(offer_rtp(local(), CLEAR, {}), SessionDescription.parse(HEAD + media))


def test_an_answer_without_our_key_is_refused() -> None:
    with pytest.raises(SrtpRequired):
        take_answer(
            offer_rtp(local("required"), Proposal("RTP/SAVP", (OURS,)), {}), SessionDescription.parse(HEAD + STRANGE)
        )
