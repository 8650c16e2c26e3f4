"""The performer with scripted parts: which decision asks whom for what, and in which order."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ipc.messages import Command, Done, Refusal
from recorder.api import Party, Start
from relay import api as relay
from relay.api import Hear, Tap
from signaling.calling.lanes import Lanes
from signaling.calling.perform import Performer
from signaling.center import decisions
from signaling.center.center import Center
from signaling.center.record import ContactRecord, QualityInfo
from signaling.center.resources import Tenant
from signaling.media.speech import SpeechError
from tests.signaling.center.floor_plan import directory
from vault.pii import Pii

HEARING, TAPS = (Hear("c-1/customer", "music"),), (Tap("c-1/customer", "0" * 32, 1),)
PARTIES = (Party(0, "agent", "c-1/agent-1"),)
NO_REPORT = relay.LegReport("", "c-1", "rtp", "")
RECORD = ContactRecord("c-1", "1", "i", "INBOUND", 0.0, Pii("+15550199"), "+15550100", 1.0)


class Parts:
    """Every part that the performer speaks to, in one; `done` is what was asked, in its order."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.refusals: dict[type, Refusal] = {}
        self.reports: dict[str, relay.LegReport] = {}
        self.speechless = False
        self.spoken = asyncio.Event()
        self.spoken.set()
        self.recorder_there = asyncio.Event()
        self.recorder_there.set()

    async def ask(self, room: str, command: Command[Any]) -> Any:
        assert room == "c-1"
        self.done.append(command)
        if type(command) in self.refusals:
            raise self.refusals[type(command)]
        return self.reports.get(command.leg, NO_REPORT) if isinstance(command, relay.DropLeg) else Done()

    def forget(self, room: str) -> None:
        self.done.append(("forget", room))

    async def begin(self, start: Start) -> None:
        await self.recorder_there.wait()
        self.done.append(start)

    async def seal(self, recording: str) -> None:
        self.done.append(("seal", recording))

    async def path(self, text: str) -> Path:
        await self.spoken.wait()
        if self.speechless:
            raise SpeechError("no voice")
        return Path("prompts") / text

    def keep_contact(self, record: ContactRecord) -> None:
        self.done.append(record)

    def keep_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None:
        assert tenant == directory().tenant
        self.done.append((contact, quality))

    def show_agent(self, _: Center, user: str) -> None:
        self.done.append(("agent", user))

    def show_contact(self, _: Center, user: str, contact: str) -> None:
        self.done.append(("contact", user, contact))

    def place(self, _: Center, call: decisions.PlaceCall) -> None:
        self.done.append(("place", call.leg))

    def hang_up(self, contact: str) -> None:
        self.done.append(("hang up", contact))

    def prompt_failed(self, contact: str, player: str) -> None:
        self.done.append(("failed", contact, player))


class Act:
    def __init__(self) -> None:
        self.parts, self.lanes = Parts(), Lanes()
        self.performer = Performer(self.parts, self.parts, self.parts, Path("hold.flac"), self.lanes)
        self.performer.serve(self.parts, self.parts, self.parts, self.parts)
        self.center = Center(directory(), lambda: "0" * 32)

    def begin(self, *made: decisions.Decision) -> None:
        for decision in made:
            self.performer.perform(self.center, decision)

    async def perform(self, *made: decisions.Decision) -> list[Any]:
        self.begin(*made)
        await self.lanes.empty()
        return self.parts.done


@pytest.fixture
def act() -> Act:
    return Act()


async def test_every_decision_asks_the_one_whom_it_concerns(act: Act) -> None:
    tenant = directory().tenant
    wanted: list[tuple[decisions.Decision, list[Any]]] = [
        (decisions.PlayPrompt("c-1", "prompt", "Hi"), [relay.Play("prompt", "c-1", "prompts/Hi")]),
        (decisions.PlayRingback("c-1", "ringback"), [relay.PlayTone("ringback", "c-1", "ringback")]),
        (decisions.PlaceCall("c-1", "c-1/customer", ()), [("place", "c-1/customer")]),
        (decisions.PlayMusic("c-1", "music"), [relay.Play("music", "c-1", "hold.flac", loop=True)]),
        (decisions.StopPlayer("c-1", "music"), [relay.StopPlayer("music", "c-1")]),
        (decisions.SetPicture("c-1", HEARING, TAPS), [relay.SetRoom("c-1", HEARING, TAPS)]),
        (decisions.MaskDigits("c-1", "c-1/customer", True), [relay.MaskDigits("c-1/customer", True)]),
        (
            decisions.StartRecording("c-1", "0" * 32, "key.wav", PARTIES),
            [Start("0" * 32, tenant.account, tenant.instance, "c-1", "key.wav", PARTIES)],
        ),
        (decisions.SealRecording("c-1", "0" * 32), [("seal", "0" * 32)]),
        (decisions.DropAgent("c-1", "c-1/agent-1"), [relay.DropLeg("c-1/agent-1")]),
        (
            decisions.DropThirdParty("t-1", "t-1/party", "c-1"),
            [("hang up", "t-1/party"), relay.DropLeg("t-1/party")],
        ),
        (
            decisions.DropCustomer("c-1", "c-1/customer"),
            [("hang up", "c-1"), relay.DropLeg("c-1/customer"), ("forget", "c-1")],
        ),
        (
            decisions.DropCustomer("c-1", "c-1/customer", last=False),
            [("hang up", "c-1"), relay.DropLeg("c-1/customer")],
        ),
        (decisions.TellAgent("ann"), [("agent", "ann")]),
        (decisions.TellContact("ann", "c-1"), [("contact", "ann", "c-1")]),
        (decisions.SaveContact(RECORD), [RECORD]),
    ]
    for decision, asked in wanted:
        act.parts.done.clear()
        assert await act.perform(decision) == asked


async def test_a_recorder_that_is_slow_holds_up_no_media_and_keeps_its_own_order(act: Act) -> None:
    act.parts.recorder_there.clear()
    act.begin(
        decisions.StartRecording("c-1", "0" * 32, "key.wav", PARTIES),
        decisions.SealRecording("c-1", "0" * 32),
        decisions.SetPicture("c-1", (), ()),
    )
    while not act.parts.done:
        await asyncio.sleep(0)
    assert act.parts.done == [relay.SetRoom("c-1", (), ())]
    act.parts.recorder_there.set()
    await act.lanes.empty()
    assert [type(item) for item in act.parts.done[1:]] == [Start, tuple]


async def test_a_contact_that_ends_while_its_prompt_is_spoken_keeps_no_leg(act: Act) -> None:
    act.parts.spoken.clear()
    act.begin(decisions.PlayPrompt("c-1", "prompt", "Hi"), decisions.StopPlayer("c-1", "prompt"))
    act.begin(decisions.DropCustomer("c-1", "c-1/customer"))
    assert act.parts.done == [("hang up", "c-1")]
    act.parts.spoken.set()
    await act.lanes.empty()
    assert act.parts.done[-2:] == [relay.DropLeg("c-1/customer"), ("forget", "c-1")]


@pytest.mark.parametrize("code", ["gone", "bad_prompt"])
async def test_a_prompt_that_cannot_be_played_is_told(act: Act, code: str) -> None:
    act.parts.refusals[relay.Play] = Refusal(code, "no")
    assert (await act.perform(decisions.PlayPrompt("c-1", "prompt", "Hi")))[-1] == ("failed", "c-1", "prompt")


async def test_a_prompt_that_cannot_be_spoken_is_told_and_not_played(act: Act) -> None:
    act.parts.speechless = True
    assert await act.perform(decisions.PlayPrompt("c-1", "prompt", "Hi")) == [("failed", "c-1", "prompt")]


async def test_a_room_is_forgotten_even_if_its_leg_is_gone(act: Act) -> None:
    act.parts.refusals[relay.DropLeg] = Refusal("no_such_leg", "gone already")
    assert (await act.perform(decisions.DropCustomer("c-1", "c-1/customer")))[-1] == ("forget", "c-1")


async def test_how_a_leg_sounded_is_kept_if_it_sounded(act: Act) -> None:
    heard, told = relay.Flow(500, 5, 2.0, 30.0, 4.2, 4.0), relay.Flow(250, 0, 1.0, 30.0, 4.3, 4.3)
    act.parts.reports["c-1/customer"] = relay.LegReport(
        "c-1/customer", "c-1", "rtp", "PCMU/8000", received=heard, sent=told, alarms=("silence",)
    )
    done = await act.perform(decisions.DropAgent("c-1", "c-1/agent-1"), decisions.DropCustomer("c-1", "c-1/customer"))
    kept = [item for item in done if isinstance(item, tuple) and isinstance(item[-1], QualityInfo)]
    assert kept == [("c-1", QualityInfo("customer", "PCMU/8000", heard, told, ("silence",)))]
