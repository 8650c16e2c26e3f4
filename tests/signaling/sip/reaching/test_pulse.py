import pytest

from signaling.sip.flow import Flow
from signaling.sip.messages.message import Request
from signaling.sip.reaching.pulse import Watch
from signaling.sip.reaching.upstream import TargetChanged
from signaling.sip.registering.digest import Account
from tests.signaling.sip.network import Impairment, Network
from tests.signaling.sip.wire import LOCAL, PEER, Wire, reply

WATCH = Watch("carrier", Flow("udp", LOCAL, PEER), 30.0)


class Side(Wire):
    def watch(self) -> Request:
        self.agent.upstream.watch(WATCH, self.now)
        return self.next_request()

    def next_request(self) -> Request:
        """The next question that is no repetition."""
        began = self.now
        while (at := self.agent.get_timer()) is not None and at <= began + 40:
            self.now = at
            self.agent.handle_timer(at)
            for message in self.take():
                assert isinstance(message, Request)
                if message.headers.get("Call-ID") not in self.asked:
                    self.asked.add(message.headers.get("Call-ID"))
                    return message
        raise AssertionError("nothing was asked")

    asked: set[str | None]

    def judge(self, *statuses: int) -> list[bool]:
        """Each question is answered with one of these; what changed."""
        for status in statuses:
            request = self.next_request()
            if status:
                self.send(reply(request, status))
        if statuses[-1] == 0:
            self.wait(5)
        return self.changes()

    def changes(self) -> list[bool]:
        found = []
        while (news := self.agent.upstream.next_news()) is not None:
            assert isinstance(news, TargetChanged) and (news.trunk, news.target) == ("carrier", PEER)
            found.append(news.up)
        return found


@pytest.fixture
def side() -> Side:
    side = Side(account_for=lambda trunk, flow, realm: Account("ada", "x") if trunk == "carrier" else None)
    side.asked = set()
    return side


def is_up(side: Side) -> bool:
    return side.agent.upstream.is_up("carrier", PEER)


def test_what_is_asked(side: Side) -> None:
    asked = side.watch()
    assert (asked.method, asked.uri) == ("OPTIONS", "sip:192.0.2.9:5070")
    assert asked.headers.get("To") == "<sip:192.0.2.9:5070>"


def test_an_unknown_target_is_tried(side: Side) -> None:
    assert is_up(side)
    side.watch()
    assert is_up(side)
    assert side.agent.upstream.is_up("carrier", ("192.0.2.99", 5060))


def test_one_lost_answer_is_no_outage(side: Side) -> None:
    side.send(reply(side.watch(), 200))
    assert side.changes() == [True]
    assert side.judge(0, 0, 200, 0, 0) == []
    assert is_up(side)
    assert side.judge(0) == [False]
    assert not is_up(side)


def test_one_answer_is_no_recovery(side: Side) -> None:
    side.watch()
    side.wait(5)
    assert side.changes() == [False]
    assert side.judge(200, 0, 200) == []
    assert side.judge(200) == [True]


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 480, 500, 501])
def test_any_answer_shows_that_it_is_there(side: Side, status: int) -> None:
    side.send(reply(side.watch(), status))
    assert side.changes() == [True]


def test_one_that_takes_no_calls_is_down(side: Side) -> None:
    side.send(reply(side.watch(), 503))
    assert side.changes() == [False]


def test_a_challenge_is_answered(side: Side) -> None:
    (again,) = side.send(reply(side.watch(), 401, WWW_Authenticate='Digest realm="r", nonce="n"'))
    assert again.headers.get("Authorization") is not None
    side.send(reply(again, 200))
    assert side.changes() == [True]


def test_nothing_is_left_of_one_that_is_not_watched(side: Side) -> None:
    side.watch()
    side.agent.upstream.unwatch("carrier", WATCH.flow)
    side.wait(100)
    assert (side.agent.transactions, side.agent.get_timer(), side.agent.upstream.pulses) == (0, None, [])


@pytest.mark.parametrize("seed", range(20))
def test_a_bad_network_is_no_outage_and_an_outage_is_one(seed: int) -> None:
    network = Network(seed, Impairment(loss=0.15, duplicate=0.2, delay=0.05, jitter=0.6))
    us, carrier = network.add("u", 5090), network.add("c", 5060, "us")
    us.agent.upstream.watch(Watch("carrier", Flow("udp", us.address, carrier.address), 30.0), network.now)
    network.run(3600)
    assert us.agent.upstream.is_up("carrier", carrier.address)
    network.silence(carrier)
    network.run(30 * 3 * 1.1 + 6)
    assert not us.agent.upstream.is_up("carrier", carrier.address)
    network.wake(carrier)
    network.run(30 * 6 * 1.1)
    assert us.agent.upstream.is_up("carrier", carrier.address)
    up = []
    while (news := us.agent.upstream.next_news()) is not None:
        assert isinstance(news, TargetChanged)
        up.append(news.up)
    assert up == [True, False, True]
