import pytest

from relay.errors import StunError
from relay.transport import stun
from relay.transport.stun import StunMessage

TRANSACTION = bytes(range(12))

# RFC 5769 section 2.1: a request with short-term credentials.
RFC5769_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
RFC5769_KEY = b"VOkJxbRl1RmTxUk/WvJxBt"


def test_vector_of_rfc_5769() -> None:
    message = StunMessage.parse(RFC5769_REQUEST)
    assert message.kind == stun.BINDING_REQUEST
    assert message.get(stun.USERNAME) == b"evtj:h6vY"
    assert message.is_signed_by(RFC5769_KEY)
    assert not message.is_signed_by(b"another")


def test_response_vector_of_rfc_5769() -> None:
    transaction = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    assert stun.xor_address(("192.0.2.1", 32853), transaction).hex() == "0001a147e112a643"
    six = stun.xor_address(("2001:db8:1234:5678:11:2233:4455:6677", 32853), transaction)
    assert six.hex() == "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"


def test_round_trip() -> None:
    attributes = ((stun.USERNAME, b"a:b"), (stun.PRIORITY, b"\0\0\0\1"), (stun.USE_CANDIDATE, b""))
    message = StunMessage.parse(StunMessage(stun.BINDING_REQUEST, TRANSACTION, attributes).serialize(b"key"))
    assert message.attributes == attributes
    assert message.is_signed_by(b"key")


def test_without_integrity_nothing_is_authentic() -> None:
    message = StunMessage.parse(StunMessage(stun.BINDING_REQUEST, TRANSACTION).serialize())
    assert not message.is_signed_by(b"")
    assert not message.is_signed_by(b"key")


def test_attributes_after_integrity_are_ignored() -> None:
    signed = StunMessage(stun.BINDING_REQUEST, TRANSACTION, ((stun.USERNAME, b"a:b"),)).serialize(b"key")
    body = signed[20:-8] + b"\x00\x25\x00\x00"  # USE-CANDIDATE smuggled in behind the signature
    forged = signed[:2] + len(body).to_bytes(2, "big") + signed[4:20] + body
    message = StunMessage.parse(forged)
    assert message.is_signed_by(b"key")
    assert message.get(stun.USE_CANDIDATE) is None


@pytest.mark.parametrize("position", range(0, len(RFC5769_REQUEST), 3))
def test_any_flipped_bit_is_noticed(position: int) -> None:
    damaged = bytearray(RFC5769_REQUEST)
    damaged[position] ^= 0x10
    with pytest.raises(StunError):
        StunMessage.parse(bytes(damaged))


@pytest.mark.parametrize("length", range(0, len(RFC5769_REQUEST)))
def test_a_cut_message_is_refused(length: int) -> None:
    with pytest.raises(StunError):
        StunMessage.parse(RFC5769_REQUEST[:length])


def test_error_code_is_class_and_number() -> None:
    assert stun.error_code(487, "Role Conflict") == b"\0\0\x04\x57Role Conflict"
