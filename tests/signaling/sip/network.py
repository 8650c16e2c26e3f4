"""User agents on a virtual network with virtual time: seeded loss, duplication and reordering."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from signaling.sip.agent import UserAgent
from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import SipEvent
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.credentials import AccountFor, no_account

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace("4000", "5000")


@dataclass(frozen=True)
class Impairment:
    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.02
    jitter: float = 0.0
    """More than `delay` reorders."""


class Peer:
    """A user agent at an address, and what happened to it."""

    def __init__(
        self,
        network: "Network",
        name: str,
        address: Address,
        trunk: str | None,
        account_for: AccountFor = no_account,
    ) -> None:
        ids = count()
        self.network = network
        self.address = address
        self.agent = UserAgent(
            SipConfig(new_id=lambda: f"{name}{next(ids)}x"), lambda flow: trunk, account_for=account_for
        )
        self.events: list[SipEvent] = []
        self.script: Callable[[SipEvent], None] = lambda event: None

    def call(self, other: "Peer", sdp: str | None = OFFER, transport: Transport = "udp") -> str:
        return self.call_at(other.address, sdp, transport)

    def call_at(self, remote: Address, sdp: str | None = OFFER, transport: Transport = "udp") -> str:
        flow = Flow(transport, self.address, remote)
        target = Uri("sip", "+493012345", *remote)
        caller = NameAddr(Uri("sip", "+4917", "caller.test"))
        return self.agent.invite(flow, Invitation(target, caller, sdp), self.network.now)

    def of(self, kind: type[SipEvent]) -> list[SipEvent]:
        return [event for event in self.events if isinstance(event, kind)]


class Network:
    """Carries what agents send; a stream connection has the number 7 and loses nothing."""

    def __init__(self, seed: int = 0, impairment: Impairment | None = None) -> None:
        self.random = random.Random(seed)
        self.now = 1000.0
        self.sent: deque[tuple[float, Address, bytes]] = deque(maxlen=5000)
        self._impairment = impairment or Impairment()
        self._peers: dict[Address, Peer] = {}
        self._forks: dict[Address, list[Peer]] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def add(self, name: str, port: int, trunk: str | None = None, account_for: AccountFor = no_account) -> Peer:
        address = (f"192.0.2.{len(self._peers) + 1}", port)
        peer = self._peers[address] = Peer(self, name, address, trunk, account_for)
        return peer

    def fork(self, *peers: Peer) -> Address:
        """An address whose requests reach all of these."""
        address = (f"198.51.100.{len(self._forks) + 1}", 5060)
        self._forks[address] = list(peers)
        return address

    def silence(self, peer: Peer) -> None:
        """Its machine is gone: nothing reaches it, and nothing comes from it."""
        self._peers.pop(peer.address, None)

    def wake(self, peer: Peer) -> None:
        """It is back."""
        self._peers[peer.address] = peer

    def at(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._order), action))

    def run(self, seconds: float = 1e6) -> None:
        """Lets time pass until nothing is left to happen, or so long."""
        end = self.now + seconds
        self._pump()
        while (at := self._next()) is not None and at <= end:
            self.now = max(self.now, at)
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
                self._pump()
            for peer in self._peers.values():
                peer.agent.handle_timer(self.now)
            self._pump()
        if seconds < 1e6:
            self.now = end

    def _next(self) -> float | None:
        times = [at for peer in self._peers.values() if (at := peer.agent.get_timer()) is not None]
        if self._queue:
            times.append(self._queue[0][0])
        return min(times, default=None)

    def _pump(self) -> None:
        busy = True
        while busy:
            busy = False
            for peer in self._peers.values():
                for outgoing in peer.agent.take():
                    busy = True
                    self._carry(peer, outgoing.flow, outgoing.data)
                while (event := peer.agent.next_event()) is not None:
                    busy = True
                    peer.events.append(event)
                    peer.script(event)

    def _carry(self, sender: Peer, flow: Flow, data: bytes) -> None:
        self.sent.append((self.now, sender.address, data))
        there = [self._peers[flow.remote]] if flow.remote in self._peers else []
        for receiver in self._forks.get(flow.remote, there):
            if receiver.address in self._peers and sender.address in self._peers:
                self._deliver(sender, receiver, flow, data)

    def _deliver(self, sender: Peer, receiver: Peer, flow: Flow, data: bytes) -> None:
        stream = flow.is_reliable
        arrived = Flow(flow.transport, receiver.address, sender.address, 7 if stream else 0)
        copies = 1 if stream else self._copies()
        for _ in range(copies):
            delay = self._impairment.delay + (0 if stream else self.random.uniform(0, self._impairment.jitter))
            self.at(delay, lambda: receiver.agent.receive(data, arrived, self.now))

    def _copies(self) -> int:
        if self.random.random() < self._impairment.loss:
            return 0
        return 2 if self.random.random() < self._impairment.duplicate else 1
