"""The leg of a SIP dialog: what the dialog's peer says of the media goes to the worker, and the worker's word back."""

from typing import Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from relay import api as relay
from relay.api import DropLeg, Renegotiate, Reoffer, SetAnswer, TakeDigit
from vault.pii import Pii

log = structlog.get_logger()

REJECTIONS = {
    "no_common_codec": (488, "No common codec"),
    "srtp_required": (488, "SRTP required"),
    "srtp_not_allowed": (488, "SRTP not accepted here"),
    "bad_sdp": (488, "Session description not usable"),
}
NO_CAPACITY = (503, "No media capacity")


class Media(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class Offers(Protocol):
    """What is asked of the SIP side."""

    def accept_offer(self, call: str, sdp: str) -> None: ...

    def reject_offer(self, call: str, status: int, reason: str) -> None: ...


class OnLeg(Protocol):
    """A dialog that has a leg."""

    @property
    def call(self) -> str:
        """Its name on the SIP side."""

    @property
    def contact(self) -> str:
        """The room."""

    @property
    def leg(self) -> str: ...


class SipLegs:
    """Nothing here raises: what a worker refuses is told to the peer, or to who asks."""

    def __init__(self, workers: Media) -> None:
        self._workers = workers

    async def renegotiate(self, dialog: OnLeg, offer: str | None, offers: Offers) -> None:
        """Meets the peer's offer; None: it wants one of ours."""
        try:
            media = await self.take_offer(dialog, offer)
        except Refusal as refusal:
            offers.reject_offer(dialog.call, *rejection(refusal))
            return
        offers.accept_offer(dialog.call, media.sdp)

    async def take_offer(self, dialog: OnLeg, offer: str | None) -> relay.Media:
        """Our half, after the peer's offer or as one. Raises Refusal."""
        command = Reoffer(dialog.leg) if offer is None else Renegotiate(dialog.leg, offer)
        return await self._workers.ask(dialog.contact, command)

    async def take_answer(self, dialog: OnLeg, answer: str) -> bool:
        """Whether the peer's answer could be used."""
        try:
            await self._workers.ask(dialog.contact, SetAnswer(dialog.leg, answer))
        except Refusal as refusal:
            log.warning("x answer refused", contact=dialog.contact, code=refusal.code)
            return False
        return True

    async def take_digit(self, dialog: OnLeg, digit: Pii[str], duration_ms: int) -> None:
        try:
            await self._workers.ask(dialog.contact, TakeDigit(dialog.leg, digit.reveal(), duration_ms))
        except Refusal as refusal:
            log.debug("x digit refused", contact=dialog.contact, code=refusal.code)

    async def drop(self, dialog: OnLeg) -> None:
        try:
            await self._workers.ask(dialog.contact, DropLeg(dialog.leg))
        except Refusal:
            log.debug("x leg was gone", contact=dialog.contact)


def rejection(refusal: Refusal) -> tuple[int, str]:
    """The status and phrase that a peer gets for what a worker refused."""
    return REJECTIONS.get(refusal.code, NO_CAPACITY)
