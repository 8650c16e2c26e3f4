"""A dialog (RFC 3261 §12): what both sides remember of a call between its requests."""

from dataclasses import dataclass, field, replace

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.exchanges.transactions import Arrival, Reply
from signaling.sip.flow import Flow
from signaling.sip.headers import MAX_CSEQ, CSeq, NameAddr, make_via
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.uri import Uri, parse_address
from signaling.sip.replies import with_tag
from vault.pii import Pii

DialogId = tuple[str, str, str]
"""Call-ID, our tag, the peer's tag."""
SKIPPED = 1000
"""Numbers that a dialog leaves out when it is restored: for requests that were sent after it was saved."""


class SavedDialog(msgspec.Struct, frozen=True):
    """A dialog as another process can go on with it."""

    id: DialogId
    local: Pii[str]
    remote: Pii[str]
    """What our From and To say."""
    target: Pii[str]
    routes: tuple[str, ...]
    symmetric: bool
    local_number: int
    invite_number: int
    remote_number: int | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a request of ours says, beside what its dialog says."""

    method: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


class Dialog:
    def __init__(self, identity: DialogId, local: str, remote: str, target: Uri) -> None:
        self.id = identity
        self.target = target
        """The peer's Contact: Request-URI of our requests."""
        self.routes: tuple[str, ...] = ()
        self.symmetric = False
        """The peer asked to be answered where it sends from (RFC 3581)."""
        self._local = local
        self._remote = remote
        self._local_number = 0
        self._invite_number = 0
        self._remote_number: int | None = None
        self._unanswered: int | None = None
        """The number of a request that an earlier process took, and perhaps did not answer: its repetition is new."""

    @classmethod
    def restore(cls, saved: SavedDialog) -> "Dialog":
        """Raises ParseError."""
        dialog = cls(saved.id, saved.local.reveal(), saved.remote.reveal(), Uri.parse(saved.target.reveal()))
        dialog.routes, dialog.symmetric = saved.routes, saved.symmetric
        # A number may be left out, but none may come twice (§12.2.2).
        dialog._local_number = min(saved.local_number + SKIPPED, MAX_CSEQ)
        dialog._invite_number = saved.invite_number
        dialog._remote_number = dialog._unanswered = saved.remote_number
        return dialog

    def save(self) -> SavedDialog:
        numbers = (self._local_number, self._invite_number, self._remote_number)
        local, remote, target = Pii(self._local), Pii(self._remote), Pii(str(self.target))
        return SavedDialog(self.id, local, remote, target, self.routes, self.symmetric, *numbers)

    @classmethod
    def from_invite(cls, arrival: Arrival, tag: str) -> "Dialog":
        """Ours as the called side (§12.1.1)."""
        envelope, headers = arrival.envelope, arrival.request.headers
        if envelope.contact is None:
            raise ParseError("Missing Contact")
        local, remote = with_tag(headers.get("To") or "", tag), headers.get("From") or ""
        dialog = cls((envelope.call_id, tag, envelope.from_tag), local, remote, envelope.contact.uri)
        dialog.routes = tuple(_check_routes(headers.items("Record-Route")))
        dialog.symmetric = "rport" in envelope.via.params
        dialog._remote_number = envelope.cseq.number
        return dialog

    @classmethod
    def from_answer(cls, invite: Request, reply: Reply) -> "Dialog":
        """Ours as the calling side (§12.1.2)."""
        envelope, headers = reply.envelope, reply.response.headers
        local, remote = headers.get("From") or "", headers.get("To") or ""
        target = envelope.contact.uri if envelope.contact is not None else Uri.parse(invite.uri)
        dialog = cls((envelope.call_id, envelope.from_tag, envelope.to_tag or ""), local, remote, target)
        dialog.routes = tuple(reversed(_check_routes(headers.items("Record-Route"))))
        dialog._local_number = dialog._invite_number = envelope.cseq.number
        return dialog

    def confirm(self, reply: Reply) -> None:
        """A 2xx has come for a dialog that was early: its routes and Contact count (§13.2.2.4). Raises ParseError."""
        self.routes = tuple(reversed(_check_routes(reply.response.headers.items("Record-Route"))))
        self._invite_number = reply.envelope.cseq.number
        self.refresh_target(reply)

    def refresh_target(self, reply: Reply) -> None:
        """A 2xx to INVITE or UPDATE may move the peer's Contact (§12.2.1.2)."""
        if reply.envelope.contact is not None and reply.envelope.contact.uri.host:
            self.target = reply.envelope.contact.uri

    def admit(self, arrival: Arrival) -> bool:
        """Whether a request is newer than all before it (§12.2.2); it may move the peer's Contact."""
        number = arrival.envelope.cseq.number
        if self._remote_number is not None and number <= self._remote_number and number != self._unanswered:
            return False
        self._unanswered = None
        self._remote_number = number
        if arrival.request.method in ("INVITE", "UPDATE") and arrival.envelope.contact is not None:
            self.target = arrival.envelope.contact.uri
        return True

    def is_answer(self, reply: Reply) -> bool:
        """Whether a 2xx is for an INVITE that an earlier process sent after the dialog was saved: it counts as our
        latest."""
        number = reply.envelope.cseq.number
        newer, self._invite_number = number > self._invite_number, number
        return newer

    def make_request(self, outline: Outline, flow: Flow, branch: str) -> Request:
        """§12.2.1.1. ACK has the number of our latest INVITE, whatever was sent since (§13.2.2.4)."""
        method = outline.method
        number = self._invite_number if method == "ACK" else self.count(method)
        uri, routes = self._way()
        fields = [
            ("Via", str(make_via(flow.transport, flow.local, branch))),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", self._local),
            ("To", self._remote),
            ("Call-ID", self.id[0]),
            ("CSeq", str(CSeq(number, method))),
            *outline.fields,
        ]
        return Request(method, uri, Headers(fields), outline.body)

    def count(self, method: str) -> int:
        """The number of the next request, or of one that goes again (§8.1.3.5)."""
        self._local_number = self._local_number % MAX_CSEQ + 1
        if method == "INVITE":
            self._invite_number = self._local_number
        return self._local_number

    def next_flow(self, flow: Flow) -> Flow:
        """Where the next request goes, given the flow of the last message: an open connection, else the first route or
        the Contact if that is an address (names are not looked up here), else where the peer was."""
        if flow.connection or (self.symmetric and not self.routes and not flow.is_reliable):
            return flow
        hop = NameAddr.parse(self.routes[0]).uri if self.routes else self.target
        address = parse_address(hop.host)
        default = 5061 if flow.transport == "tls" else 5060
        return replace(flow, remote=(address, hop.port or default)) if address is not None else flow

    def _way(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route: as usual, or for a first hop that is a strict router of RFC 2543."""
        if not self.routes or "lr" in NameAddr.parse(self.routes[0]).uri.params:
            return str(self.target), self.routes
        return str(NameAddr.parse(self.routes[0]).uri), (*self.routes[1:], f"<{self.target}>")


def _check_routes(routes: list[str]) -> list[str]:
    for route in routes:
        if not NameAddr.parse(route).uri.host:
            raise ParseError("Bad Record-Route")
    return routes
