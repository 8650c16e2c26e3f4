"""A user agent and a peer of hand-written messages."""

from itertools import count

from signaling.sip.agent import UserAgent
from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import IncomingCall, SipEvent
from signaling.sip.flow import Flow, Outgoing, Transport
from signaling.sip.headers import NameAddr
from signaling.sip.messages.message import Headers, Message, Request, Response, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.credentials import AccountFor, no_account
from tests.signaling.sip.network import ANSWER, OFFER

LOCAL = ("192.0.2.1", 5060)
PEER = ("192.0.2.9", 5070)
STRANGER = ("198.51.100.66", 5070)
"""Whom no trunk knows."""


class Wire:
    """What the agent sends is parsed and kept in `sent`; `now` stands still unless a test moves it."""

    def __init__(
        self,
        trunk: str | None = "carrier",
        transport: Transport = "udp",
        max_calls: int = 100,
        account_for: AccountFor = no_account,
    ) -> None:
        ids = count()
        config = SipConfig(new_id=lambda: f"id{next(ids)}", max_calls=max_calls)
        self.agent = UserAgent(config, lambda flow: None if flow.remote == STRANGER else trunk, account_for=account_for)
        self.flow = Flow(transport, LOCAL, PEER, 0 if transport == "udp" else 3)
        self.strange_flow = Flow(transport, LOCAL, STRANGER, 0 if transport == "udp" else 4)
        self.now = 100.0
        self.outgoing: list[Outgoing] = []

    def send(self, message: Message, flow: Flow | None = None) -> list[Message]:
        """What the agent answers to it."""
        self.agent.receive(bytes(message), flow or self.flow, self.now)
        return self.take()

    def take(self) -> list[Message]:
        self.outgoing = self.agent.take()
        return [parse_message(outgoing.data) for outgoing in self.outgoing]

    def responses(self) -> list[int]:
        return [message.status for message in self.take() if isinstance(message, Response)]

    def events(self) -> list[SipEvent]:
        found = []
        while (event := self.agent.next_event()) is not None:
            found.append(event)
        return found

    def wait(self, seconds: float) -> list[Message]:
        """What the agent sends in that time."""
        end, sent = self.now + seconds, list[Message]()
        while (at := self.agent.get_timer()) is not None and at <= end:
            self.now = at
            self.agent.handle_timer(at)
            sent += self.take()
        self.now = end
        return sent

    def ring_in(self, sdp: str | None = OFFER, **more: str) -> str:
        """An INVITE comes; the name of the call."""
        (trying,) = self.send(request("INVITE", 1, body=sdp, **more))
        assert isinstance(trying, Response) and trying.status == 100
        (event,) = self.events()
        assert isinstance(event, IncomingCall)
        return event.call

    def answer(self, sdp: str | None = OFFER, **more: str) -> tuple[str, str]:
        """An INVITE comes, is answered and acknowledged; the name of the call and our tag."""
        call = self.ring_in(sdp, **more)
        self.agent.answer(call, ANSWER, self.now)
        (ok,) = self.take()
        tag = tag_of(ok)
        self.send(request("ACK", tag=tag, branch="ack", body=None if sdp else ANSWER))
        self.events()
        return call, tag

    def dial(
        self, sdp: str | None = OFFER, ring: float | None = None, patience: float | None = None
    ) -> tuple[str, Request]:
        """We call the peer; the name of the call and its INVITE."""
        flow = Flow(self.flow.transport, self.flow.local, PEER)
        caller = NameAddr(Uri("sip", "ada", "x.test"))
        call = self.agent.invite(
            flow, Invitation(Uri.parse("sip:bob@pbx.test"), caller, sdp, (), ring, patience), self.now
        )
        return call, self.take_request()

    def dial_up(self, **more: str) -> tuple[str, Request]:
        """We call the peer, which answers; the headers are its 200's."""
        call, invite = self.dial()
        self.send(reply(invite, 200, body=ANSWER, **(CONTACT | more)))
        self.events()
        return call, invite

    def take_request(self) -> Request:
        """The one message that the agent sends."""
        (message,) = self.take()
        assert isinstance(message, Request)
        return message

    def take_response(self) -> Response:
        (message,) = self.take()
        assert isinstance(message, Response)
        return message


CONTACT = {"Contact": "<sip:bob@192.0.2.9:5071>"}


def tag_of(message: Message) -> str:
    return (message.headers.get("To") or "").partition("tag=")[2]


def request(
    method: str, number: int = 1, *, tag: str = "", branch: str = "one", body: str | None = None, **more: str
) -> Request:
    """Of the peer; further headers by name, `_` for `-`, and an empty one is left out."""
    fields = {
        "Via": f"SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{branch}",
        "From": '"Ada" <sip:+4917@caller.test>;tag=theirs',
        "To": "<sip:493012345@pbx.test>" + (f";tag={tag}" if tag else ""),
        "Call-ID": "call-1",
        "CSeq": f"{number} {method}",
        "Contact": "<sip:ada@192.0.2.9:5070>",
        **({"Content-Type": "application/sdp"} if body is not None else {}),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    headers = Headers((name, value) for name, value in fields.items() if value)
    return Request(method, "sip:493012345@192.0.2.1", headers, (body or "").encode())


def within(call: Request, method: str, number: int, *, body: str | None = None, **more: str) -> Request:
    """Of the peer that we have called with that INVITE."""
    ours, theirs = call.headers.get("From") or "", (call.headers.get("To") or "") + ";tag=theirs"
    fields = {"From": theirs, "To": ours, "Call-ID": call.headers.get("Call-ID") or ""}
    return request(method, number, branch=f"{method}{number}", body=body, **fields | more)


def reply(to: Message, status: int, *, tag: str = "theirs", body: str | None = None, **more: str) -> Response:
    """Of the peer to a request of ours."""
    copied = ("Via", "From", "To", "Call-ID", "CSeq")
    kept = [(name, value) for name, value in to.headers if name in copied]
    fields = [(name, f"{value};tag={tag}" if name == "To" and "tag=" not in value else value) for name, value in kept]
    if body is not None:
        fields.append(("Content-Type", "application/sdp"))
    fields += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Response(status, "x", Headers(fields), (body or "").encode())
