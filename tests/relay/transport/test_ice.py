import pytest

from relay.errors import StunError
from relay.transport import stun
from relay.transport.ice import CONSENT_SECONDS, MAX_ADDRESSES, Credentials, IceLite, ufrag_of
from relay.transport.stun import StunMessage
from vault.pii import Pii

OURS = Credentials("ours", Pii("our-password-of-22-chars"))
THEIRS = Credentials("their", Pii("their-password"))
PEER = ("192.0.2.7", 5000)
KEY = OURS.password.reveal().encode()


def agent() -> IceLite:
    return IceLite(OURS, THEIRS, now=100.0)


def check(*extra: tuple[int, bytes], username: bytes = b"ours:their", key: bytes = KEY) -> StunMessage:
    attributes = ((stun.USERNAME, username), (stun.PRIORITY, b"\0\0\0\1"), (stun.ICE_CONTROLLING, bytes(8)), *extra)
    return StunMessage.parse(StunMessage(stun.BINDING_REQUEST, bytes(12), attributes).serialize(key))


def error_of(response: bytes | None) -> int:
    assert response is not None
    message = StunMessage.parse(response)
    assert message.kind == stun.BINDING_ERROR
    value = message.get(stun.ERROR_CODE)
    assert value is not None
    return value[2] * 100 + value[3]


def test_a_check_is_answered_and_makes_the_address_valid() -> None:
    ice = agent()
    response = ice.receive(check(), PEER, 101.0)
    assert response is not None
    message = StunMessage.parse(response)
    assert message.kind == stun.BINDING_SUCCESS
    assert message.is_signed_by(KEY)
    assert message.get(stun.XOR_MAPPED_ADDRESS) == stun.xor_address(PEER, bytes(12))
    assert ice.is_valid(PEER)
    assert ice.selected is None


def test_nomination_selects_and_moves() -> None:
    ice = agent()
    ice.receive(check((stun.USE_CANDIDATE, b"")), PEER, 101.0)
    assert ice.selected == PEER
    ice.receive(check(), ("192.0.2.8", 1), 102.0)
    assert ice.selected == PEER
    ice.receive(check((stun.USE_CANDIDATE, b"")), ("192.0.2.8", 1), 103.0)
    assert ice.selected == ("192.0.2.8", 1)


@pytest.mark.parametrize(
    "message",
    [check(key=b"wrong"), check(username=b"ours:other"), check(username=b"ours"), check(username=b"\xff:\xfe")],
)
def test_wrong_credentials_get_401_and_change_nothing(message: StunMessage) -> None:
    ice = agent()
    assert error_of(ice.receive(message, PEER, 120.0)) == 401
    assert not ice.is_valid(PEER)
    assert ice.consent_expires() == 100.0 + CONSENT_SECONDS


def test_unknown_required_attribute_gets_420() -> None:
    assert error_of(agent().receive(check((0x7FFF, b"")), PEER, 1.0)) == 420


def test_unknown_optional_attribute_is_ignored() -> None:
    assert agent().receive(check((0xC057, b"\0\0\0\1")), PEER, 1.0)


def test_a_controlled_peer_gets_487() -> None:
    assert error_of(agent().receive(check((stun.ICE_CONTROLLED, bytes(8))), PEER, 1.0)) == 487


def test_consent_is_renewed_by_each_check_and_not_by_indications() -> None:
    ice = agent()
    ice.receive(check(), PEER, 110.0)
    ice.receive(StunMessage(stun.BINDING_INDICATION, bytes(12)), PEER, 125.0)
    assert ice.consent_expires() == 140.0


def test_responses_and_other_methods_are_refused() -> None:
    with pytest.raises(StunError):
        agent().receive(StunMessage(stun.BINDING_SUCCESS, bytes(12)), PEER, 1.0)


def test_addresses_are_bounded_and_the_selected_one_is_kept() -> None:
    ice = agent()
    ice.receive(check((stun.USE_CANDIDATE, b"")), PEER, 1.0)
    for port in range(50):
        ice.receive(check(), ("192.0.2.9", port), 2.0)
    assert len(ice.addresses) == MAX_ADDRESSES
    assert ice.is_valid(PEER)


def test_ufrag_is_the_part_before_the_colon() -> None:
    assert ufrag_of(check()) == "ours"
    assert ufrag_of(StunMessage(stun.BINDING_REQUEST, bytes(12))) == ""


def test_generated_credentials_differ_and_hide_the_password() -> None:
    first, second = Credentials.generate(), Credentials.generate()
    assert first.ufrag != second.ufrag
    assert first.password.reveal() not in repr(first)
