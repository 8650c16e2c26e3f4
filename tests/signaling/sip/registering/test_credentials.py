from itertools import count

import pytest

from signaling.sip.config import DEFAULT_TIMERS
from signaling.sip.deadlines import Deadlines
from signaling.sip.exchanges.transactions import UNATTENDED, ClientTransaction, Reply, Transactions
from signaling.sip.flow import Flow, Transport
from signaling.sip.headers.authentication import Challenge, Credentials
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Headers, Request
from signaling.sip.registering.credentials import MAX_NONCES, Renewal, Wallet, credentials_of, next_number
from signaling.sip.registering.digest import Account, Subject, compute_response, make_secrets
from tests.signaling.sip.wire import LOCAL, PEER, STRANGER, reply

ADA = Account("ada", "s3cret")
REALM = "carrier.test"
WEAK, STRONG = Challenge(REALM, "n1"), Challenge(REALM, "n2", "SHA-256", ("auth",), "o")


def account_for(trunk: str, flow: Flow, realm: str) -> Account | None:
    return ADA if realm == REALM and flow.remote[0] == PEER[0] else None


class Asking:
    """One REGISTER, and what becomes of it when it is challenged."""

    def __init__(self, transport: Transport = "udp") -> None:
        ids = count()
        self.wallet = Wallet(account_for, lambda: f"c{next(ids)}")
        self.renewal = Renewal(self.wallet, "", next_number)
        fields = {"Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0;rport", "From": "<sip:ada@carrier.test>;tag=1",
                  "To": "<sip:ada@carrier.test>", "Call-ID": "x", "CSeq": "7 REGISTER"}  # fmt: skip
        self.request = Request("REGISTER", "sip:carrier.test", Headers(fields.items()))
        self.flow = Flow(transport, LOCAL, PEER)

    def challenge(self, *challenges: Challenge, status: int = 401, flow: Flow | None = None) -> Request | None:
        layer = Transactions(DEFAULT_TIMERS, Deadlines(), lambda flow, data: None)
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        response = reply(self.request, status)
        response = type(response)(
            status, "x", response.headers.add(*((name, str(challenge)) for challenge in challenges))
        )
        transaction = ClientTransaction(layer, self.request, self.flow, UNATTENDED)
        renewed = self.renewal.renew(transaction, Reply(response, Envelope.read(response), flow or self.flow))
        self.request = renewed or self.request
        return renewed

    def credentials(self, name: str = "Authorization") -> Credentials:
        (value,) = self.request.headers.get_all(name)
        return Credentials.parse(value)


def test_the_request_goes_again_with_credentials() -> None:
    asking = Asking()
    renewed = asking.challenge(WEAK, STRONG)
    assert renewed is not None
    assert (renewed.headers.get("CSeq"), renewed.headers.get("Call-ID")) == ("8 REGISTER", "x")
    assert renewed.headers.get("Via") == "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc0;rport"
    credentials = asking.credentials()
    assert (credentials.algorithm, credentials.nonce, credentials.opaque) == ("SHA-256", "n2", "o")
    secret = make_secrets(ADA, REALM)["SHA-256"]
    assert credentials.response == compute_response(credentials, "REGISTER", secret)
    assert credentials.uri == Subject("REGISTER", "sip:carrier.test").uri
    assert credentials_of(renewed) == (("Authorization", str(credentials)),)


def test_a_second_challenge_is_a_failure() -> None:
    asking = Asking()
    assert asking.challenge(STRONG) is not None
    assert asking.challenge(STRONG) is None
    assert asking.challenge(Challenge(REALM, "n3", "SHA-256", ("auth",))) is None
    assert (asking.wallet.answered, asking.wallet.unanswered) == (1, 2)


def test_a_stale_nonce_is_replaced_once() -> None:
    asking = Asking()
    assert asking.challenge(STRONG) is not None
    assert asking.challenge(Challenge(REALM, "n2", "SHA-256", ("auth",), None, True)) is None
    assert asking.challenge(Challenge(REALM, "n3", "SHA-256", ("auth",), None, True)) is not None
    assert asking.credentials().nonce == "n3"
    assert asking.challenge(Challenge(REALM, "n4", "SHA-256", ("auth",), None, True)) is None


def test_a_first_challenge_may_be_stale() -> None:
    assert Asking().challenge(Challenge(REALM, "n3", "MD5", ("auth",), None, True)) is not None


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge("elsewhere", "n"),
        Challenge(REALM, "n", "SHA-512-256"),
        Challenge(REALM, "n", "MD5", ("auth-int",)),
    ],
)
def test_what_is_not_ours_to_answer(challenge: Challenge) -> None:
    assert Asking().challenge(challenge) is None


def test_only_the_trunk_itself_is_answered() -> None:
    assert Asking().challenge(STRONG, flow=Flow("udp", LOCAL, STRANGER)) is None
    # A connection that we opened to the trunk is the trunk's, whatever its other end calls itself.
    assert Asking("tcp").challenge(STRONG, flow=Flow("tcp", LOCAL, STRANGER, 3)) is not None


def test_proxy_and_server_are_both_answered_and_each_nonce_is_counted() -> None:
    asking = Asking()
    assert asking.challenge(STRONG, status=407) is not None
    assert asking.challenge(Challenge(REALM, "n9", "MD5", ("auth",))) is not None
    proxy, server = asking.credentials("Proxy-Authorization"), asking.credentials()
    assert proxy.usage is not None and server.usage is not None
    assert (proxy.nonce, proxy.usage.count, server.nonce, server.usage.count) == ("n2", 2, "n9", 1)
    assert proxy.response == compute_response(proxy, "REGISTER", make_secrets(ADA, REALM)["SHA-256"])
    assert asking.request.headers.get("CSeq") == "9 REGISTER"


def test_other_answers_stand() -> None:
    assert Asking().challenge(STRONG, status=403) is None


def test_counted_nonces_are_bounded() -> None:
    wallet = Asking().wallet
    for number in range(MAX_NONCES + 1):
        wallet.use(f"n{number}")
    assert wallet.use("n0").count == 1
    assert wallet.use(f"n{MAX_NONCES}").count == 2
