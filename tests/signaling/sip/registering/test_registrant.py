"""Registrations of ours: message by message, and at a registrar behind a bad network for hours."""

from collections.abc import Iterator
from itertools import count

import pytest

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq
from signaling.sip.headers.authentication import Credentials
from signaling.sip.messages.message import Message, Request
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.upstream import RegistrationChanged
from signaling.sip.registering.digest import Account
from signaling.sip.registering.registrant import FIRST_WAIT, LONGEST_WAIT, Enrolment, Standing
from tests.signaling.sip.network import Impairment, Network
from tests.signaling.sip.phone import PASSWORD, REALM, Directory
from tests.signaling.sip.wire import LOCAL, PEER, STRANGER, Wire, reply

ENROLMENT = Enrolment("carrier", "acme.test", Uri("sip", "", "acme.test"), Uri("sip", "ann", "acme.test"), "token")
ANN = Account("ann", PASSWORD)
FLOW, OTHER = Flow("udp", LOCAL, PEER), Flow("udp", LOCAL, STRANGER)


class Side(Wire):
    def enroll(self, *flows: Flow, enrolment: Enrolment = ENROLMENT) -> Request:
        self.agent.upstream.enroll(enrolment, flows or (FLOW,), self.now)
        return self.take_request()

    def grant(self, asked: Message, seconds: int = 3600, status: int = 200, **more: str) -> list[Message]:
        contact = {"Contact": f"<sip:token@192.0.2.1:5060>;expires={seconds}"} if status == 200 else {}
        return self.send(reply(asked, status, **(contact | more)))

    def news(self) -> list[Standing]:
        found = []
        while (news := self.agent.upstream.next_news()) is not None:
            assert isinstance(news, RegistrationChanged)
            found.append(news.standing)
        return found

    def next_request(self, within: float) -> tuple[float, Request]:
        """The next message that is sent, and after how many seconds."""
        began = self.now
        while (at := self.agent.get_timer()) is not None and at <= began + within:
            self.now = at
            self.agent.handle_timer(at)
            sent = [message for message in self.take() if isinstance(message, Request)]
            if sent:
                return self.now - began, sent[0]
        raise AssertionError("nothing was sent in that time")


@pytest.fixture
def side() -> Side:
    return Side(account_for=lambda trunk, flow, realm: ANN if (trunk, realm) == ("carrier", REALM) else None)


def number(message: Message) -> int:
    return CSeq.parse(message.headers.get("CSeq") or "").number


def test_it_registers_and_refreshes_before_it_runs_out(side: Side) -> None:
    asked = side.enroll()
    headers = asked.headers
    assert (asked.method, asked.uri) == ("REGISTER", "sip:acme.test")
    assert headers.get("Contact") == "<sip:token@192.0.2.1:5060>;expires=3600"
    assert (headers.get("To"), headers.get("Expires")) == ("<sip:ann@acme.test>", "3600")
    side.grant(asked, 600)
    assert side.news() == [Standing.REGISTERED]
    after, refresh = side.next_request(600)
    assert 300 <= after <= 560
    assert (number(refresh), refresh.headers.get("Call-ID")) == (2, headers.get("Call-ID"))
    side.grant(refresh, 600)
    assert side.news() == []


def test_a_challenge_is_answered(side: Side) -> None:
    asked = side.enroll()
    (again,) = side.send(reply(asked, 401, WWW_Authenticate=f'Digest realm="{REALM}", nonce="n", qop="auth"'))
    assert number(again) == 2
    assert Credentials.parse(again.headers.get("Authorization") or "").uri == "sip:acme.test"
    side.grant(again)
    assert side.news() == [Standing.REGISTERED]
    # The next one counts on from there (§10.2).
    assert number(side.next_request(3600)[1]) == 3


def test_what_the_registrar_grants_counts(side: Side) -> None:
    side.send(reply(side.enroll(), 200, Expires="90"))
    after, _ = side.next_request(90)
    assert 45 <= after <= 50


def test_too_short_is_asked_for_longer(side: Side) -> None:
    (again,) = side.send(reply(side.enroll(), 423, Min_Expires="7200"))
    assert again.headers.get("Expires") == "7200"
    side.grant(again, 7200)
    assert side.news() == [Standing.REGISTERED]
    assert side.next_request(7200)[1].headers.get("Expires") == "7200"


@pytest.mark.parametrize("least", ["3600", "x", "", "86401"])
def test_no_good_minimum_is_a_refusal(side: Side, least: str) -> None:
    assert side.send(reply(side.enroll(), 423, Min_Expires=least)) == []
    assert side.news() == [Standing.REFUSED]


def test_a_refusal_is_tried_again_later_and_later(side: Side) -> None:
    asked: Message = side.enroll()
    waits = []
    for _ in range(9):
        side.grant(asked, status=403)
        after, asked = side.next_request(LONGEST_WAIT)
        waits.append(after)
    assert side.news() == [Standing.REFUSED]
    for place, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**place, LONGEST_WAIT)
        assert longest / 2 <= wait <= longest
    side.grant(asked)
    assert side.news() == [Standing.REGISTERED]
    side.grant(side.next_request(3600)[1], status=403)
    assert side.next_request(LONGEST_WAIT)[0] <= FIRST_WAIT
    assert side.news() == []


def test_retry_after_is_kept_to(side: Side) -> None:
    side.send(reply(side.enroll(), 503, Retry_After="500"))
    assert side.news() == [Standing.UNREACHABLE]
    assert side.next_request(600)[0] == pytest.approx(500)


def test_nothing_granted_is_a_refusal(side: Side) -> None:
    side.grant(side.enroll(), 0)
    assert side.news() == [Standing.REFUSED]


def test_the_next_address_is_tried_at_once(side: Side) -> None:
    asked = side.enroll(FLOW, OTHER)
    (elsewhere,) = side.send(reply(asked, 503))
    assert side.outgoing[0].flow == OTHER
    side.grant(elsewhere)
    assert side.news() == [Standing.REGISTERED]
    side.next_request(3600)
    assert side.outgoing[0].flow == OTHER


def test_nobody_answers(side: Side) -> None:
    side.enroll(FLOW, OTHER)
    side.wait(64)
    assert side.news() == [Standing.UNREACHABLE]
    side.wait(FIRST_WAIT + 64)
    (registrant,) = side.agent.upstream.registrants
    assert (registrant.status, registrant.until) == (408, None)


def test_a_registrar_without_an_address_is_asked_once_it_has_one(side: Side) -> None:
    side.agent.upstream.enroll(ENROLMENT, (), side.now)
    assert side.news() == []
    side.grant(side.enroll())
    assert side.news() == [Standing.REGISTERED]


def test_it_is_registered_until_it_runs_out(side: Side) -> None:
    side.grant(side.enroll(), 100)
    refresh = side.next_request(100)[1]
    side.grant(refresh, status=500)
    side.grant(side.next_request(FIRST_WAIT)[1], status=500)
    assert side.news() == [Standing.REGISTERED]
    (registrant,) = side.agent.upstream.registrants
    side.wait((registrant.until or 0.0) - side.now)
    assert side.news() == [Standing.REFUSED]


def test_it_is_taken_back(side: Side) -> None:
    side.grant(side.enroll())
    side.agent.upstream.leave(side.now)
    bye = side.take_request()
    assert (bye.headers.get("Expires"), bye.headers.get("Contact")) == ("0", "<sip:token@192.0.2.1:5060>;expires=0")
    assert not side.agent.upstream.has_left
    side.grant(bye, 0)
    assert side.agent.upstream.has_left
    assert side.news() == [Standing.REGISTERED, Standing.ENDED]
    side.wait(10_000)
    assert (side.agent.transactions, side.agent.get_timer()) == (0, None)


def test_what_is_under_way_is_taken_back_after_it(side: Side) -> None:
    asked = side.enroll()
    side.agent.upstream.leave(side.now)
    assert side.take() == []
    (bye,) = side.grant(asked)
    assert bye.headers.get("Expires") == "0"
    side.wait(64)
    assert side.agent.upstream.has_left


@pytest.mark.parametrize("status", [403, 503])
def test_what_was_never_granted_is_not_taken_back(side: Side, status: int) -> None:
    asked = side.enroll()
    side.agent.upstream.leave(side.now)
    assert side.grant(asked, status=status) == []
    assert side.agent.upstream.has_left


def test_a_lost_connection_is_replaced() -> None:
    side = Side(transport="tcp")
    flow = Flow("tcp", LOCAL, PEER)
    side.grant(side.enroll(flow))
    assert side.agent.uses(side.flow)
    side.agent.flow_closed(side.flow, side.now)
    assert not side.agent.uses(side.flow)
    after, again = side.next_request(3)
    assert after <= 2 and again.method == "REGISTER"
    assert side.outgoing[0].flow == flow


def test_a_name_that_stands_for_something_else_now(side: Side) -> None:
    side.grant(side.enroll())
    side.agent.upstream.enroll(ENROLMENT, (OTHER,), side.now)
    assert side.take() == []
    side.next_request(3600)
    assert side.outgoing[0].flow == OTHER


@pytest.mark.parametrize("seed", range(12))
def test_hours_at_a_registrar_behind_a_bad_network(seed: int) -> None:
    """Loss, duplication and reordering cost time, and never the registration; after a restart it comes back."""
    network = Network(seed, Impairment(loss=0.2, duplicate=0.2, delay=0.05, jitter=0.6))
    carrier = network.add("c", 5060)
    ids = count()
    config = SipConfig(new_id=lambda: f"c{next(ids)}", max_expires=600)
    carrier.agent = UserAgent(config, lambda flow: None, Directory())
    us = network.add("u", 5090, account_for=lambda trunk, flow, realm: ANN)
    flow = Flow("udp", us.address, carrier.address)
    us.agent.upstream.enroll(ENROLMENT, (flow,), network.now)
    bindings = carrier.agent.registrar.bindings

    def spans() -> Iterator[bool]:
        for _ in range(8 * 60):
            network.run(60)
            yield bool(bindings.of("i-1/phones/ann"))

    here = list(spans())
    assert all(here[here.index(True) :])
    assert here.index(True) < 30
    us.agent.upstream.leave(network.now)
    network.run(120)
    assert us.agent.upstream.has_left
    assert carrier.agent.counters.faults == us.agent.counters.faults == 0
