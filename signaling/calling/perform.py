"""Carries the centre's decisions out: asks the relay and the recorder, tells agents, ends calls, keeps records."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from recorder.api import Start
from relay import api as relay
from signaling.calling.lanes import Lanes, Work
from signaling.center import decisions
from signaling.center.center import Center
from signaling.center.decisions import Decision
from signaling.center.record import ContactRecord, QualityInfo
from signaling.center.resources import Tenant
from signaling.center.sound import Side
from signaling.media.quality import quality_of
from signaling.media.speech import SpeechError

log = structlog.get_logger()


class Caller(Protocol):
    """`signaling.calling.outgoing.Outgoing` in the live server."""

    def place(self, center: Center, call: decisions.PlaceCall) -> None: ...

    def hang_up(self, leg: str) -> None: ...


class Agents(Protocol):
    """Whoever shows agents what is."""

    def show_agent(self, center: Center, user: str) -> None: ...

    def show_contact(self, center: Center, user: str, contact: str) -> None: ...


class Customers(Protocol):
    """Whoever holds the customers' dialogs."""

    def hang_up(self, contact: str) -> None: ...

    def prompt_failed(self, contact: str, player: str) -> None: ...


class Media(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...

    def forget(self, room: str) -> None: ...


class Recordings(Protocol):
    """`signaling.recordings.recorders.Recorder` in the live server."""

    async def begin(self, start: Start) -> None: ...

    async def seal(self, recording: str) -> None: ...


class Voice(Protocol):
    """`signaling.media.speech.Speech` in the live server."""

    async def path(self, text: str) -> Path: ...


class Records(Protocol):
    """`signaling.survival.keeping.Keeper` in the live server."""

    def keep_contact(self, record: ContactRecord) -> None: ...

    def keep_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None: ...


Dropped = decisions.DropAgent | decisions.DropThirdParty | decisions.DropCustomer


class Performer:
    """One method a kind of decision; those that ask other processes go through the contact's lane."""

    def __init__(self, workers: Media, recorder: Recordings, speech: Voice, music: Path, lanes: Lanes) -> None:
        self._workers = workers
        self._recorder = recorder
        self._speech = speech
        self._music = music
        self._agents: Agents
        self._customers: Customers
        self._records: Records
        self._caller: Caller
        self._lanes = lanes

    def serve(self, agents: Agents, customers: Customers, records: Records, caller: Caller) -> None:
        """Those to whom decisions are told; they need the house, which needs us."""
        self._agents, self._customers, self._records, self._caller = agents, customers, records, caller

    def perform(self, center: Center, decision: Decision) -> None:
        match decision:
            case decisions.TellAgent(user):
                self._agents.show_agent(center, user)
            case decisions.TellContact(user, contact):
                self._agents.show_contact(center, user, contact)
            case decisions.SaveContact(record):
                self._records.keep_contact(record)
            case decisions.PlaceCall():
                self._caller.place(center, decision)
            case decisions.DropThirdParty(_, leg, room):
                self._caller.hang_up(leg)
                self._lanes.add(room, self._work(center, decision))
            case decisions.DropCustomer(contact):
                self._customers.hang_up(contact)
                self._lanes.add(contact, self._work(center, decision))
            case decisions.StartRecording(contact) | decisions.SealRecording(contact):
                self._lanes.add(f"{contact}/recording", self._work(center, decision))
            case _:
                self._lanes.add(_room(decision), self._work(center, decision))

    def _work(self, center: Center, decision: Any) -> Work:
        return lambda: _WORK[type(decision)](self, center, decision)

    async def _drop(self, center: Center, decision: Dropped, side: Side) -> None:
        try:
            report = await self._workers.ask(_room(decision), relay.DropLeg(decision.leg))
        except Refusal as refusal:
            log.debug("x leg was gone", contact=decision.contact, code=refusal.code)
            return
        quality = quality_of(side, report)
        if quality is not None:
            self._records.keep_quality(center.floor.tenant, decision.contact, quality)

    async def _ask(self, contact: str, command: Command[Any]) -> bool:
        """Whether the worker did it. A leg or worker that is gone already has its own event; others are faults."""
        try:
            await self._workers.ask(contact, command)
        except Refusal as refusal:
            if refusal.code not in ("gone", "no_such_leg", "no_such_room"):
                log.error("! media command refused", contact=contact, command=type(command).__name__, code=refusal.code)
            return False
        return True

    async def _play_prompt(self, _: Center, decision: decisions.PlayPrompt) -> None:
        try:
            path = await self._speech.path(decision.text)
        except SpeechError as error:
            log.error("! prompt cannot be spoken", contact=decision.contact, reason=str(error))
            self._customers.prompt_failed(decision.contact, decision.player)
            return
        if not await self._ask(decision.contact, relay.Play(decision.player, decision.contact, str(path))):
            self._customers.prompt_failed(decision.contact, decision.player)

    async def _play_ringback(self, _: Center, decision: decisions.PlayRingback) -> None:
        await self._ask(decision.contact, relay.PlayTone(decision.player, decision.contact, "ringback"))

    async def _play_music(self, _: Center, decision: decisions.PlayMusic) -> None:
        await self._ask(decision.contact, relay.Play(decision.player, decision.contact, str(self._music), loop=True))

    async def _stop_player(self, _: Center, decision: decisions.StopPlayer) -> None:
        await self._ask(decision.contact, relay.StopPlayer(decision.player, decision.contact))

    async def _set_picture(self, _: Center, decision: decisions.SetPicture) -> None:
        await self._ask(decision.contact, relay.SetRoom(decision.contact, decision.hearing, decision.taps))

    async def _mask_digits(self, _: Center, decision: decisions.MaskDigits) -> None:
        await self._ask(decision.contact, relay.MaskDigits(decision.leg, decision.on))

    async def _start_recording(self, center: Center, decision: decisions.StartRecording) -> None:
        tenant, options = center.floor.tenant, center.floor.recording
        start = Start(
            recording=decision.recording,
            account=tenant.account,
            instance=tenant.instance,
            contact=decision.contact,
            key=decision.key,
            parties=decision.parties,
            format=options.format,
            tracks=options.tracks,
        )
        await self._recorder.begin(start)

    async def _seal_recording(self, _: Center, decision: decisions.SealRecording) -> None:
        await self._recorder.seal(decision.recording)

    async def _drop_agent(self, center: Center, decision: decisions.DropAgent) -> None:
        await self._drop(center, decision, "agent")

    async def _drop_third_party(self, center: Center, decision: decisions.DropThirdParty) -> None:
        await self._drop(center, decision, "customer")

    async def _drop_customer(self, center: Center, decision: decisions.DropCustomer) -> None:
        await self._drop(center, decision, "customer")
        if decision.last:
            self._workers.forget(decision.contact)


def _room(decision: Any) -> str:
    """Whose lane it goes through; what belongs to one call keeps its order."""
    room: str = getattr(decision, "room", "") or decision.contact
    return room


_WORK: dict[type, Callable[[Performer, Center, Any], Any]] = {
    decisions.PlayPrompt: Performer._play_prompt,
    decisions.PlayMusic: Performer._play_music,
    decisions.PlayRingback: Performer._play_ringback,
    decisions.StopPlayer: Performer._stop_player,
    decisions.SetPicture: Performer._set_picture,
    decisions.MaskDigits: Performer._mask_digits,
    decisions.StartRecording: Performer._start_recording,
    decisions.SealRecording: Performer._seal_recording,
    decisions.DropAgent: Performer._drop_agent,
    decisions.DropThirdParty: Performer._drop_third_party,
    decisions.DropCustomer: Performer._drop_customer,
}
