"""Thousands of calls in virtual time, seeded, over networks that lose, duplicate and reorder, between agents that do
anything at any moment, and machines and connections that vanish.

Whatever happens: every call ends once for each side that knows of it, no agent has a fault, and nothing is left of it:
no session, no dialog, no transaction, no timer. Together the runs take every row of the transaction tables."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    IncomingCall,
    SipEvent,
    TransferAsked,
)
from signaling.sip.exchanges import table, transactions
from signaling.sip.exchanges.table import Input, Row, State, Table
from signaling.sip.flow import Flow, Transport
from tests.signaling.sip.network import ANSWER, OFFER, Impairment, Network, Peer
from tests.signaling.sip.transaction_pair import Pair

RUNS = 2400
BATCHES = 24

NETWORKS = [
    Impairment(),
    Impairment(loss=0.1, duplicate=0.1, delay=0.03, jitter=0.05),
    Impairment(loss=0.25, duplicate=0.2, delay=0.05, jitter=0.6),
    Impairment(loss=0.5, duplicate=0.1, delay=0.2, jitter=2.0),
]

NAMES = ("INVITE_CLIENT", "CLIENT", "INVITE_SERVER", "SERVER")


class Watched(dict[tuple[State, Input], Row]):
    """A table that counts which of its rows were taken."""

    def __init__(self, rows: Table) -> None:
        super().__init__(rows)
        self.taken: Counter[tuple[State, Input]] = Counter()

    def get(self, key, default=None):  # type: ignore[no-untyped-def]
        if key in self:
            self.taken[key] += 1
        return super().get(key, default)


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, Watched]]:
    watched = {name: Watched(getattr(table, name)) for name in NAMES}
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in watched.items():
            patch.setattr(transactions, name, rows)
        yield watched


class Actor:
    """Answers, changes, transfers and ends the calls of a peer, by chance."""

    def __init__(self, peer: Peer, chance: random.Random) -> None:
        self.peer = peer
        self.chance = chance
        self.calls: list[str] = []
        peer.script = self._react

    def begin(self, call: str) -> None:
        self.calls.append(call)
        self._later(40, lambda: self.peer.agent.hang_up(call, self.now))
        for _ in range(self.chance.choice((0, 0, 1, 3))):
            self._later(20, lambda: self._do_something(call))

    @property
    def now(self) -> float:
        return self.peer.network.now

    def _later(self, most: float, action) -> None:  # type: ignore[no-untyped-def]
        self.peer.network.at(self.chance.uniform(0, most), action)

    def _react(self, event: SipEvent) -> None:
        agent = self.peer.agent
        match event:
            case IncomingCall(call=call):
                self.begin(call)
                self._later(2, lambda: agent.ring(call, self.now))
                if self.chance.random() < 0.5:
                    self._later(3, lambda: agent.progress(call, ANSWER, self.now))
                if self.chance.random() < 0.2:
                    self._later(6, lambda: agent.reject(call, 486, "", self.now))
                elif self.chance.random() < 0.9:
                    self._later(6, lambda: agent.answer(call, ANSWER, self.now))
            case CallOffer(call=call):
                if self.chance.random() < 0.2:
                    self._later(1, lambda: agent.reject_offer(call, 488, "", self.now))
                else:
                    self._later(1, lambda: agent.accept_offer(call, ANSWER, self.now))
            case CallAnswered(call=call, sdp=sdp) if sdp is not None:
                agent.accept_offer(call, ANSWER, self.now)
            case TransferAsked(call=call):
                agent.accept_transfer(call, self.now)
                self._later(2, lambda: agent.report_transfer(call, 200, self.now))

    def _do_something(self, call: str) -> None:
        agent = self.peer.agent
        if self.chance.random() < 0.8:
            agent.offer(call, OFFER, self.now)
        else:
            session = agent._find(call)
            if session is not None and session.is_confirmed:
                agent.refer(call, session.get_dialog().target, self.now)


def run(seed: int) -> None:
    chance = random.Random(seed)
    network = Network(seed, chance.choice(NETWORKS))
    alice, bob, carol = network.add("a", 5090), network.add("b", 5060, "carrier"), network.add("c", 5060, "carrier")
    actors = [Actor(peer, chance) for peer in (alice, bob, carol)]
    transport: Transport = chance.choice(("udp", "udp", "udp", "tcp"))
    sdp = OFFER if chance.random() < 0.8 else None
    forked = transport == "udp" and chance.random() < 0.25
    where = network.fork(bob, carol) if forked else bob.address
    actors[0].begin(alice.call_at(where, sdp, transport))
    vanished = None
    if chance.random() < 0.2:
        vanished = chance.choice((alice, bob))
        network.at(chance.uniform(0, 20), lambda: network.silence(vanished))
    if transport == "tcp" and chance.random() < 0.5:
        network.at(chance.uniform(0, 10), lambda: cut(alice, bob))
    network.run()
    for actor in actors:
        if actor.peer is not vanished:
            check(actor)


def cut(alice: Peer, bob: Peer) -> None:
    """The connection is lost, and both sides notice."""
    now = alice.network.now
    alice.agent.flow_closed(Flow("tcp", alice.address, bob.address), now)
    alice.agent.flow_closed(Flow("tcp", alice.address, bob.address, 7), now)
    bob.agent.flow_closed(Flow("tcp", bob.address, alice.address, 7), now)


def check(actor: Actor) -> None:
    agent = actor.peer.agent
    assert (agent.calls, agent.transactions, agent.get_timer(), len(agent._core.dialogs)) == (0, 0, None, 0)
    assert agent.counters.faults == agent.counters.malformed == 0
    ended = [event.call for event in actor.peer.events if isinstance(event, CallEnded)]
    assert sorted(ended) == sorted(actor.calls)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_call_ends_and_nothing_is_left(batch: int, tables: dict[str, Watched]) -> None:
    for seed in range(batch, RUNS, BATCHES):
        try:
            run(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_every_transaction_ends_once(method: str, tables: dict[str, Watched]) -> None:
    for seed in range(RUNS // 2):
        chance = random.Random(seed)
        transport: Transport = chance.choice(("udp", "udp", "tcp"))
        pair = Pair(seed, chance.choice(NETWORKS), transport)
        pair.run(method)
        assert (len(pair.client), len(pair.server)) == (0, 0), seed
        # Each repetition of a 2xx to an INVITE is told, so that it is acknowledged again.
        ends = set(pair.finals) if method == "INVITE" else pair.finals
        assert len(ends) == 1 or (len(ends) == 0 and method == "INVITE"), (seed, pair.finals)


def test_every_row_of_the_tables_is_taken(tables: dict[str, Watched]) -> None:
    """By a subset of those runs, so that the test stands alone."""
    for seed in range(400):
        run(seed)
    for seed in range(800):
        chance = random.Random(seed)
        transport: Transport = chance.choice(("udp", "udp", "tcp"))
        Pair(seed, chance.choice(NETWORKS), transport).run(chance.choice(("INVITE", "OPTIONS")))
    missing = [(name, key) for name in NAMES for key in tables[name] if not tables[name].taken[key]]
    assert missing == []
