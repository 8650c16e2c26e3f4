"""The transactions that are going on: they repeat, absorb and time out by the rows of `table`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from signaling.sip.config import Timers
from signaling.sip.deadlines import Deadlines
from signaling.sip.exchanges.table import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Action,
    Event,
    Input,
    State,
    Table,
    Timer,
    response_event,
)
from signaling.sip.flow import Flow
from signaling.sip.headers import Via
from signaling.sip.messages.envelope import Envelope
from signaling.sip.messages.message import Headers, Request, Response
from signaling.sip.tracing.tally import Said

Key = tuple[str, ...]
_branch = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^;, \t]+)", re.I)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request with what was read of it and the way it came."""

    request: Request
    envelope: Envelope
    flow: Flow


@dataclass(frozen=True, slots=True)
class Reply:
    """A response likewise."""

    response: Response
    envelope: Envelope
    flow: Flow


class ClientUser(Protocol):
    """Who sent the request of a client transaction."""

    def handle_response(self, transaction: "ClientTransaction", reply: "Reply", now: float) -> None: ...

    def handle_failure(self, transaction: "ClientTransaction", status: int, now: float) -> None:
        """No final answer will come: 408 nobody answered, 503 the transport failed (§8.1.3.1)."""
        ...


class ServerUser(Protocol):
    """Who answers the request of a server transaction."""

    @property
    def local_tag(self) -> str: ...

    def handle_cancel(self, transaction: "ServerTransaction", cancel: Request, now: float) -> None:
        """A CANCEL came for it."""
        ...


class Unattended:
    """The user of a request whose answer changes nothing: one of RFC 3262's PRACK, or a BYE to a branch not taken."""

    def handle_response(self, transaction: "ClientTransaction", reply: "Reply", now: float) -> None:
        """Nothing follows."""

    def handle_failure(self, transaction: "ClientTransaction", status: int, now: float) -> None:
        """Nothing follows."""


UNATTENDED = Unattended()


class Transaction:
    """One row at a time: what `client` and `server` have in common."""

    def __init__(self, layer: "Transactions", table: Table, flow: Flow) -> None:
        self.state = State.NEW
        self.flow = flow
        self._layer = layer
        self._table = table
        self._running: dict[Timer, int] = {}
        """How often each timer that runs was started."""

    def step(self, event: Input, now: float) -> tuple[Action, ...]:
        row = self._table.get((self.state, event))
        if row is None:
            return ()
        self.state, moves = row
        self._stop_foreign_timers()
        for move in moves:
            if isinstance(move, Timer):
                self._start_timer(move, now)
            else:
                self._perform(move)
        if self.state is State.TERMINATED:
            self._layer.forget(self)
        return tuple(move for move in moves if isinstance(move, Action))

    def handle_timer(self, name: str, now: float) -> None:
        self.step(Timer(name), now)

    def _perform(self, action: Action) -> None:
        raise AssertionError("a transaction is a client or a server")

    def _start_timer(self, timer: Timer, now: float) -> None:
        count = self._running.get(timer, 0)
        after = interval(timer, self._layer.timers, count, self.state)
        if self.flow.is_reliable and timer in (Timer.A, Timer.E, Timer.G):
            return
        if self.flow.is_reliable and self.state in (State.COMPLETED, State.CONFIRMED):
            after = 0.0 if timer in (Timer.D, Timer.I, Timer.J, Timer.K) else after
        self._running[timer] = count + 1
        self._layer.deadlines.set(self, timer.value, now + after)

    def _stop_foreign_timers(self) -> None:
        for timer in [timer for timer in self._running if (self.state, timer) not in self._table]:
            del self._running[timer]
            self._layer.deadlines.cancel(self, timer.value)


class ClientTransaction(Transaction):
    def __init__(self, layer: "Transactions", request: Request, flow: Flow, user: ClientUser) -> None:
        super().__init__(layer, INVITE_CLIENT if request.method == "INVITE" else CLIENT, flow)
        self.request = request
        self.user = user
        self.renew: Callable[[ClientTransaction, Reply], Request | None] | None = None
        """Gives the request as it is to go again instead of the final answer being passed on."""
        self.trunk = ""
        """That it is sent to, where that is known: its targets need not be where its calls come from."""
        self._ack = b""

    def handle_timer(self, name: str, now: float) -> None:
        if Action.TIMEOUT in self.step(Timer(name), now):
            self._count(408)
            self.user.handle_failure(self, 408, now)

    def receive(self, reply: Reply, now: float) -> None:
        if reply.response.status >= 200 and self._is_open:
            self._count(reply.response.status)
            request = self.renew(self, reply) if self.renew is not None and reply.response.status >= 300 else None
            if request is not None:
                self._layer.leave_behind(self, reply, now)
                self._begin_again(request, now)
                return
        self.absorb(reply, now)

    def absorb(self, reply: Reply, now: float) -> None:
        """Takes the response for what it is."""
        if reply.response.status >= 300 and not self._ack:
            self._ack = bytes(make_ack(self.request, reply.response))
        if Action.PASS in self.step(response_event(reply.response.status), now):
            self.user.handle_response(self, reply, now)

    def break_off(self, now: float) -> None:
        """The flow is gone."""
        if Action.BREAK in self.step(Event.BROKEN, now):
            self._count(503)
            self.user.handle_failure(self, 503, now)

    @property
    def _is_open(self) -> bool:
        """No final response has come."""
        return self.state in (State.CALLING, State.TRYING, State.PROCEEDING)

    def _count(self, status: int) -> None:
        self._layer.count(self.flow, Said(self.trunk, "ours", self.request.method, status))

    def _begin_again(self, request: Request, now: float) -> None:
        for timer in self._running:
            self._layer.deadlines.cancel(self, timer.value)
        self._running.clear()
        self.request, self.state = request, State.NEW
        self._layer.begin(self, now)

    def _perform(self, action: Action) -> None:
        if action is Action.SEND:
            self._layer.send(self.flow, bytes(self.request))
        elif action is Action.ACK:
            self._layer.send(self.flow, self._ack)


class ServerTransaction(Transaction):
    def __init__(self, layer: "Transactions", arrival: Arrival, user: ServerUser) -> None:
        invite = arrival.request.method == "INVITE"
        super().__init__(layer, INVITE_SERVER if invite else SERVER, answer_flow(arrival.flow, arrival.envelope.via))
        self.arrival = arrival
        self.user = user
        self._response = b""

    def respond(self, response: Response, now: float) -> None:
        """Sends it, unless it is too late for it."""
        event = response_event(response.status)
        if (self.state, event) in self._table:
            if response.status >= 200 and self.is_open:
                self._layer.count(self.arrival.flow, Said("", "theirs", self.arrival.request.method, response.status))
            self._response = bytes(response)
            self.step(event, now)

    @property
    def latest(self) -> bytes:
        """The response sent last; empty before the first."""
        return self._response

    @property
    def is_open(self) -> bool:
        """No final response has been sent."""
        return self.state in (State.NEW, State.TRYING, State.PROCEEDING)

    def repeat(self) -> None:
        """Sends the latest response again, out of turn: 2xx to INVITE are repeated by their user (§13.3.1.4)."""
        self._layer.send(self.flow, self._response)

    def _perform(self, action: Action) -> None:
        if action is Action.SEND and self._response:
            self._layer.send(self.flow, self._response)


class Transactions:
    """All transactions of a user agent, found by the keys of §17.1.3 and §17.2.3."""

    def __init__(self, timers: Timers, deadlines: Deadlines, send: Callable[[Flow, bytes], None]) -> None:
        self.timers = timers
        self.deadlines = deadlines
        self.send = send
        self.count: Callable[[Flow, Said], None] = lambda flow, said: None
        """Told of every final answer, once; the trunk is left empty where the flow alone tells."""
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._merged: dict[Key, ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def request(self, request: Request, flow: Flow, user: ClientUser, now: float) -> ClientTransaction:
        """Begins a client transaction by sending its request."""
        transaction = ClientTransaction(self, request, flow, user)
        self.begin(transaction, now)
        return transaction

    def begin(self, transaction: ClientTransaction, now: float) -> None:
        """Sends its request."""
        self._clients[_client_key(transaction.request)] = transaction
        transaction.step(Event.START, now)

    def leave_behind(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        """Another one takes its place for what is still repeated of the request that it had."""
        spent = ClientTransaction(self, transaction.request, transaction.flow, UNATTENDED)
        spent.state = transaction.state
        self._clients[_client_key(spent.request)] = spent
        spent.absorb(reply, now)

    def find_client(self, envelope: Envelope) -> ClientTransaction | None:
        """Whose answer this is: by branch and method."""
        return self._clients.get((envelope.via.branch, envelope.cseq.method))

    def find_server(self, arrival: Arrival, method: str) -> ServerTransaction | None:
        """The transaction of that method that the request repeats, cancels or acknowledges."""
        return self._servers.get((*arrival.envelope.server_key(arrival.request), method))

    def has_looped(self, arrival: Arrival) -> bool:
        """A request of ours has come back to us, which its Vias tell (§16.3): nobody but us knows their branches."""
        below = arrival.request.headers.items("Via")[1:]
        branches = (match.group(1) for via in below if (match := _branch.search(via)))
        return any((branch, arrival.request.method) in self._clients for branch in branches)

    def is_merged(self, arrival: Arrival) -> bool:
        """The same request has come before by another way (§8.2.2.2)."""
        return _merge_key(arrival) in self._merged

    def accept(self, arrival: Arrival, user: ServerUser, now: float) -> ServerTransaction:
        """Begins a server transaction."""
        transaction = ServerTransaction(self, arrival, user)
        self._servers[(*arrival.envelope.server_key(arrival.request), arrival.request.method)] = transaction
        if arrival.envelope.to_tag is None:
            self._merged[_merge_key(arrival)] = transaction
        transaction.step(Event.START, now)
        return transaction

    def forget(self, transaction: Transaction) -> None:
        if isinstance(transaction, ClientTransaction):
            self._clients.pop(_client_key(transaction.request), None)
        elif isinstance(transaction, ServerTransaction):
            arrival = transaction.arrival
            self._servers.pop((*arrival.envelope.server_key(arrival.request), arrival.request.method), None)
            self._merged.pop(_merge_key(arrival), None)

    def flow_closed(self, flow: Flow, now: float) -> None:
        for transaction in [client for client in self._clients.values() if client.flow == flow]:
            transaction.break_off(now)
        for server in [server for server in self._servers.values() if server.flow == flow]:
            server.step(Event.BROKEN, now)


def interval(timer: Timer, timers: Timers, count: int, state: State) -> float:
    """Seconds until a timer started for the `count`-th time (from 0) fires over UDP (RFC 3261 table 4)."""
    if timer is Timer.A:
        return timers.t1 * 2.0**count
    if timer is Timer.E and state is State.PROCEEDING:
        return timers.t2
    if timer in (Timer.E, Timer.G):
        return min(timers.t1 * 2.0**count, timers.t2)
    if timer is Timer.D:
        return timers.d
    return timers.t4 if timer in (Timer.I, Timer.K) else timers.timeout


def answer_flow(flow: Flow, via: Via) -> Flow:
    """Where answers go: back on the connection; over UDP to the port in Via, with `rport` to the source (§18.2.2)."""
    if flow.is_reliable or "rport" in via.params:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], via.port or 5060))


def make_ack(invite: Request, response: Response) -> Request:
    """§17.1.1.3."""
    return _same_way(invite, "ACK", response.headers.get("To") or "")


def make_cancel(invite: Request) -> Request:
    """§9.1."""
    return _same_way(invite, "CANCEL", invite.headers.get("To") or "")


def _same_way(invite: Request, method: str, to: str) -> Request:
    headers = invite.headers
    number = (headers.get("CSeq") or "").split(" ")[0]
    kept = [(name, value) for name, value in headers if name in ("Via", "Route", "From", "Call-ID", "Max-Forwards")]
    return Request(method, invite.uri, Headers((*kept, ("To", to), ("CSeq", f"{number} {method}"))))


def _client_key(request: Request) -> Key:
    return (Via.parse(request.headers.items("Via")[0]).branch, request.method)


def _merge_key(arrival: Arrival) -> Key:
    envelope = arrival.envelope
    return (envelope.call_id, envelope.from_tag, str(envelope.cseq))
