"""Calls that outlive the process: what must be known of one to go on with it, or to end it, in another process.

A call that is up goes on. So does one that we have answered and whose ACK is missing: the 200 is repeated. One of ours
that nobody has answered is taken back, and one whose BYE was not answered gets it again. One that came to us and has no
final answer is not kept: over UDP its INVITE comes again, and begins anew.
"""

from dataclasses import replace
from typing import Literal

import msgspec

from signaling.sip.abilities import Abilities
from signaling.sip.calls.dialog import Dialog, Outline, SavedDialog
from signaling.sip.calls.outbound import OutboundSession
from signaling.sip.calls.phase import Phase
from signaling.sip.calls.session import Session
from signaling.sip.calls.session_timer import SavedTimer
from signaling.sip.core import Core
from signaling.sip.exchanges.transactions import ClientTransaction, Reply
from signaling.sip.flow import Flow, Outgoing
from vault.pii import Pii

SavedPhase = Literal["calling", "answered", "up", "leaving"]
_PHASES: dict[Phase, SavedPhase] = {
    Phase.CALLING: "calling",
    Phase.CANCELLING: "calling",
    Phase.OFFERED: "calling",
    Phase.ANSWERED: "answered",
    Phase.UP: "up",
    Phase.CLOSING: "leaving",
    Phase.LEAVING: "leaving",
}


class SavedMessage(msgspec.Struct, frozen=True):
    """A message of ours that is to be sent again."""

    flow: Flow
    data: Pii[str]
    number: int = 0
    """The CSeq number of the INVITE that it answers."""
    late: bool = False
    """Our offer is in it."""


class SavedCall(msgspec.Struct, frozen=True):
    call: str
    phase: SavedPhase
    flow: Flow
    dialog: SavedDialog | None
    ours: bool
    """The Call-ID is ours."""
    secure: bool
    methods: frozenset[str]
    extensions: frozenset[str]
    """That the peer has named."""
    sdp: Pii[str]
    """The description that we gave last."""
    timer: SavedTimer | None
    message: SavedMessage | None
    """Our INVITE in `calling`, our 2xx in `answered`."""
    trunk: str = ""
    """By whose credentials challenges are answered."""


class Probe:
    """Asks a peer whether it still has the call: by OPTIONS in the dialog (RFC 3261 §11, §12.2.1.2)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def handle_response(self, transaction: ClientTransaction, reply: Reply, now: float) -> None:
        if reply.response.status in (408, 481) and self._session.phase is Phase.UP:
            self._session.lose(reply.response.status, now)

    def handle_failure(self, transaction: ClientTransaction, status: int, now: float) -> None:
        # A connection that we cannot open says nothing: the peer may still open one.
        if status == 408 and self._session.phase is Phase.UP:
            self._session.lose(status, now)


def save(session: Session, now: float) -> SavedCall | None:
    """None: there is nothing to go on with."""
    phase = _PHASES.get(session.phase)
    if phase is None or (session.dialog is None and phase != "calling"):
        return None
    return SavedCall(
        call=session.call,
        phase=phase,
        flow=_plain(session.flow),
        dialog=session.dialog.save() if session.dialog is not None else None,
        ours=session.owns_call_id,
        secure=session.secure,
        methods=session.peer.methods,
        extensions=session.peer.extensions,
        sdp=Pii(session.offers.local),
        timer=session.timer.save(now),
        message=_message(session, phase),
        trunk=session.trunk,
    )


def restore(core: Core, saved: SavedCall, now: float) -> None:
    """`now`: when it was saved, by the clock of this process. Raises ParseError for what cannot be gone on with."""
    core.changed.add(saved.call)
    if saved.phase == "calling":
        _take_back(core, saved, now)
        return
    if saved.dialog is None:
        raise AssertionError("a call is saved with its dialog once it has one")
    session = Session(core, saved.call, saved.flow, Phase.ANSWERED if saved.phase == "answered" else Phase.UP)
    session.is_restored, session.trunk = True, saved.trunk
    session.dialog = Dialog.restore(saved.dialog)
    session.owns_call_id, session.secure = saved.ours, saved.secure
    session.peer = Abilities(saved.methods, saved.extensions)
    session.offers.local = saved.sdp.reveal()
    core.sessions[saved.call] = core.dialogs[session.dialog.id] = session
    if saved.timer is not None:
        session.timer.restore(saved.timer, now)
    if saved.phase == "answered" and saved.message is not None:
        answer = _outgoing(saved.message)
        session.await_ack_to(saved.message.number, answer, now, saved.message.late)
        core.send(answer.flow, answer.data)
    if saved.phase == "leaving":
        session.hang_up(now, "")


def probe(session: Session, now: float) -> None:
    """`CallEnded` follows if the peer does not know the call any more, or does not answer."""
    if session.phase is Phase.UP:
        session.send(Outline("OPTIONS"), Probe(session), now)


def _take_back(core: Core, saved: SavedCall, now: float) -> None:
    """The INVITE goes out again, which the peer takes for a repetition: its answer tells where the call stands, and
    CANCEL, or ACK and BYE, follow."""
    if saved.message is not None:
        session = OutboundSession.abandoned(core, saved.call, _outgoing(saved.message))
        session.trunk = saved.trunk
        session.begin(now)
        session.hang_up(now, "")


def _message(session: Session, phase: SavedPhase) -> SavedMessage | None:
    if phase == "calling" and isinstance(session, OutboundSession):
        return SavedMessage(_plain(session.invite.flow), _text(session.invite.data))
    acceptance = session.acceptance
    if phase == "answered" and acceptance is not None:
        answer = acceptance.answer
        return SavedMessage(_plain(answer.flow), _text(answer.data), acceptance.number, acceptance.late)
    return None


def _plain(flow: Flow) -> Flow:
    """Without the connection, which ends with the process."""
    return replace(flow, connection=0)


def _text(data: bytes) -> Pii[str]:
    return Pii(data.decode("utf-8", "surrogateescape"))


def _outgoing(message: SavedMessage) -> Outgoing:
    return Outgoing(message.flow, message.data.reveal().encode("utf-8", "surrogateescape"))
