"""A client transaction and its server over an impaired way, without a dialog: what agents never do happens too."""

import heapq
import random
from collections.abc import Callable
from itertools import count

from signaling.sip.config import Timers
from signaling.sip.deadlines import Deadlines
from signaling.sip.exchanges.table import Event
from signaling.sip.exchanges.transactions import Arrival, ClientTransaction, Reply, ServerTransaction, Transactions
from signaling.sip.flow import Flow, Transport
from signaling.sip.headers import make_via
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Headers, Request, Response, parse_message
from signaling.sip.replies import Answer, make_response
from tests.signaling.sip.network import Impairment

CLIENT, SERVER = ("192.0.2.1", 5060), ("192.0.2.2", 5060)


class Pair:
    """One request, answered at random; both layers must be empty at the end, and the client told exactly one end."""

    local_tag = "s"

    def __init__(self, seed: int, impairment: Impairment, transport: Transport) -> None:
        self.now = 1000.0
        self.finals: list[int] = []
        """Final responses, and 408 or 503 for failures, as the client's user was told."""
        self._chance = random.Random(seed)
        self._impairment = impairment
        self._flows = Flow(transport, CLIENT, SERVER), Flow(transport, SERVER, CLIENT)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._deadlines = Deadlines(), Deadlines()
        self.client = Transactions(Timers(), self._deadlines[0], lambda flow, data: self._carry(data, self._serve))
        self.server = Transactions(Timers(), self._deadlines[1], lambda flow, data: self._carry(data, self._reply))

    def run(self, method: str) -> None:
        via = make_via(self._flows[0].transport, CLIENT, "b")
        fields = [("Via", str(via)), ("From", "<sip:a@b>;tag=c"), ("To", "<sip:c@d>"), ("Call-ID", "i")]
        request = Request(method, "sip:c@d", Headers([*fields, ("CSeq", f"1 {method}")]))
        transaction = self.client.request(request, self._flows[0], self, self.now)
        if self._chance.random() < 0.3:
            layer, flow = self._chance.choice(((self.client, self._flows[0]), (self.server, self._flows[1])))
            self._at(self._chance.expovariate(0.1), lambda: layer.flow_closed(flow, self.now))
        self._at(200.0, lambda: transaction.step(Event.ABANDON, self.now))
        self._at(200.0, lambda: self.server.flow_closed(self._flows[1], self.now))
        while (at := self._next()) is not None:
            self.now = max(self.now, at)
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            for deadlines in self._deadlines:
                deadlines.fire(self.now)

    # The users.

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if reply.response.status >= 200:
            self.finals.append(reply.response.status)
            if transaction.request.method == "INVITE" and reply.response.status < 300:
                headers = [
                    (name, "1 ACK" if name == "CSeq" else value.replace("z9hG4bKb", "z9hG4bKack"))
                    for name, value in transaction.request.headers
                ]
                self._carry(bytes(Request("ACK", "sip:c@d", Headers(headers))), self._serve)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.finals.append(status)

    def handle_cancel(self, transaction: ServerTransaction, cancel: Request, now: float) -> None:
        raise AssertionError("nobody cancels here")

    # The way.

    def _serve(self, data: bytes) -> None:
        request = parse_message(data)
        assert isinstance(request, Request)
        arrival = Arrival(request, Envelope.read(request), self._flows[1])
        method = "INVITE" if request.method == "ACK" else request.method
        transaction = self.server.find_server(arrival, method)
        if transaction is not None:
            transaction.step(Event.ACK if request.method == "ACK" else Event.REQUEST, self.now)
        elif request.method != "ACK":
            self._answer(self.server.accept(arrival, self, self.now))

    def _answer(self, transaction: ServerTransaction) -> None:
        at = 0.0
        for _ in range(self._chance.choice((0, 1, 2, 3))):
            at += self._chance.uniform(0, 4)
            self._respond_later(transaction, 183, at)
        if self._chance.random() < 0.9:
            final = self._chance.choice((200, 200, 486))
            for _ in range(1 if final == 486 else self._chance.choice((1, 3))):
                at += self._chance.uniform(0, 6)
                self._respond_later(transaction, final, at)

    def _respond_later(self, transaction: ServerTransaction, status: int, at: float) -> None:
        arrival = transaction.arrival
        response = make_response(arrival.request, arrival.flow, Answer(status), "s")
        self._at(at, lambda: transaction.respond(response, self.now))

    def _reply(self, data: bytes) -> None:
        response = parse_message(data)
        assert isinstance(response, Response)
        reply = Reply(response, Envelope.read(response), self._flows[0])
        transaction = self.client.find_client(reply.envelope)
        if transaction is not None:
            transaction.receive(reply, self.now)

    def _carry(self, data: bytes, receive: Callable[[bytes], None]) -> None:
        stream = self._flows[0].is_reliable
        copies = 1 if stream else self._copies()
        for _ in range(copies):
            jitter = 0.0 if stream else self._chance.uniform(0, self._impairment.jitter)
            self._at(self._impairment.delay + jitter, lambda: receive(data))

    def _copies(self) -> int:
        if self._chance.random() < self._impairment.loss:
            return 0
        return 2 if self._chance.random() < self._impairment.duplicate else 1

    def _at(self, delay: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._order), lambda: _forget(action())))

    def _next(self) -> float | None:
        times = [at for deadlines in self._deadlines if (at := deadlines.next()) is not None]
        return min([*times, *([self._queue[0][0]] if self._queue else [])], default=None)


def _forget(value: object) -> None:
    """An action's result is nobody's."""
