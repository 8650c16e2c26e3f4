import pytest

from relay.errors import SrtpError
from relay.streams.rtcp import Goodbye
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.srtp import SUITES, Srtp, Suite

PACKET = serialize(RtpPacket(0, False, 1, 1, 160, b"sound" * 10))


def pair(suite: Suite) -> tuple[Srtp, Srtp]:
    one, two = suite.new_key(), suite.new_key()
    return Srtp.from_keys(suite, one, two), Srtp.from_keys(suite, two, one)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: str(suite.name))
def test_what_one_protects_the_other_unprotects(suite: Suite) -> None:
    here, there = pair(suite)
    assert there.unprotect(here.protect(PACKET)) == PACKET
    goodbye = Goodbye((1,)).serialize()
    assert here.unprotect_rtcp(there.protect_rtcp(goodbye)) == goodbye


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: str(suite.name))
def test_replayed_damaged_and_foreign_packets_are_refused(suite: Suite) -> None:
    here, there = pair(suite)
    stranger, _ = pair(suite)
    packet = here.protect(PACKET)
    damaged = packet[:20] + bytes([packet[20] ^ 1]) + packet[21:]
    there.unprotect(packet)
    for wrong in (packet, damaged, stranger.protect(PACKET), packet[:8], b"", bytes(2000), PACKET):
        with pytest.raises(SrtpError):
            there.unprotect(wrong)
        with pytest.raises(SrtpError):
            there.unprotect_rtcp(wrong)


def test_a_new_key_of_the_peer_keeps_our_sending() -> None:
    suite = SUITES["AES_CM_128_HMAC_SHA1_80"]
    ours, old, new = suite.new_key(), suite.new_key(), suite.new_key()
    here = Srtp.from_keys(suite, ours, old)
    there = Srtp.from_keys(suite, new, ours)
    there.unprotect(here.protect(PACKET))
    renewed = here.with_peer_key(suite, new)
    assert renewed.unprotect(there.protect(PACKET)) == PACKET
    later = serialize(RtpPacket(0, False, 1, 2, 320, b"later"))
    assert there.unprotect(renewed.protect(later)) == later
