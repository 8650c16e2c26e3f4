"""Whatever comes on the browsers' port, a STUN parser says StunError or gives a message that serializes to itself.

An ICE-lite agent answers without a fault, and no address becomes valid without the password."""

from relay.errors import StunError
from relay.transport.ice import Credentials, IceLite, ufrag_of
from relay.transport.stun import BINDING_REQUEST, ICE_CONTROLLING, PRIORITY, USE_CANDIDATE, USERNAME, StunMessage
from vault.pii import Pii

KEY = b"password-of-the-agent-here"
_ATTRIBUTES = ((USERNAME, b"ours:their"), (PRIORITY, bytes(4)), (ICE_CONTROLLING, bytes(8)), (USE_CANDIDATE, b""))
SEEDS: list[bytes] = [
    StunMessage(BINDING_REQUEST, bytes(12), _ATTRIBUTES).serialize(KEY),
    StunMessage(BINDING_REQUEST, bytes(12), _ATTRIBUTES).serialize(b"wrong"),
    StunMessage(0x0011, bytes(12)).serialize(),
]


def one_input(data: bytes) -> None:
    try:
        message = StunMessage.parse(data)
    except StunError:
        return
    again = StunMessage.parse(message.serialize(KEY))
    assert (again.kind, again.transaction, again.attributes) == (message.kind, message.transaction, message.attributes)
    assert again.is_signed_by(KEY)
    agent = IceLite(Credentials("ours", Pii(KEY.decode())), Credentials("their", Pii("")), 0.0)
    ufrag_of(message)
    try:
        response = agent.receive(message, ("192.0.2.1", 5000), 1.0)
    except StunError:
        return
    if response is not None:
        StunMessage.parse(response)
    assert message.is_signed_by(KEY) or not agent.addresses


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
