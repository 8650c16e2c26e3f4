"""Calls of ours with real lanes; the worker and the SIP side are scripted."""

from typing import Any

import pytest

from ipc.messages import Refusal
from relay import api as relay
from signaling.calling.dial import Answered, Dial, DialEvent, EarlyMedia, Ended, Failed, MediaRules, Ringing
from signaling.calling.dialling import Dialling
from signaling.calling.lanes import Lanes
from signaling.center.audit import AuditEvent
from signaling.center.resources import Tenant
from signaling.sip.calls.invitation import Invitation
from signaling.sip.errors import ValueRefused
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    CallProgress,
    CallRinging,
    DigitPressed,
    OfferAnswered,
    TakeoverRefused,
    TransferAsked,
)
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.uri import Uri
from tests.signaling.center.floor_plan import TENANT
from tests.signaling.scripted import Phone, Worker
from vault.pii import Pii

FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5080))
LEG = "contact-1/customer"
DIAL = Dial(
    TENANT, "contact-1", LEG, FLOW, Uri("sip", "+15550123", "pbx.test"), NameAddr(Uri("sip", "+15550100", "us.test")),
    MediaRules("required", ("PCMA",), "info"), (("X-Trunk", "carrier"),), 30.0, 4.0,
)  # fmt: skip


class Caller(Phone):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Any, ...]] = []
        self.refused = False

    def invite(self, *arguments: Any) -> str:
        if self.refused:
            raise ValueRefused("not a value")
        self.told.append(("invite", *arguments))
        return "call-1"


class Hall:
    def __init__(self) -> None:
        self.worker, self.phone, self.lanes = Worker(), Caller(), Lanes()
        self.dialling = Dialling(self.worker, self.lanes, "127.0.0.1", lambda: 1000.0)
        self.audit: list[tuple[Tenant, AuditEvent]] = []
        self.dialling.serve(self.phone, lambda tenant, event: self.audit.append((tenant, event)))
        self.heard: list[DialEvent] = []

    async def dial(self) -> None:
        self.dialling.dial(DIAL, self.heard.append)
        await self.lanes.empty()

    async def tell(self, *events: Any) -> None:
        for event in events:
            assert self.dialling.on_sip_event(event)
        await self.lanes.empty()


@pytest.fixture
def hall() -> Hall:
    return Hall()


async def test_a_leg_makes_the_offer_and_the_answer_is_put_in_force(hall: Hall) -> None:
    await hall.dial()
    [added] = hall.worker.asked
    expected = relay.AddRtpLeg(LEG, "contact-1", "127.0.0.1", None, "required", ("PCMA",), "info")
    assert (added, hall.worker.rooms) == (expected, ["contact-1"])
    invitation = Invitation(DIAL.target, DIAL.caller, "answer", DIAL.fields, 30.0, 4.0)
    assert hall.phone.told == [("invite", FLOW, invitation)]
    await hall.tell(CallRinging("call-1"), CallAnswered("call-1", "theirs"))
    assert hall.worker.asked[1:] == [relay.SetAnswer(LEG, "theirs")]
    assert hall.heard == [Ringing(LEG), Answered(LEG)]
    reason = Reason("Q.850", 16)
    await hall.tell(CallEnded("call-1", "bye", 200, reason))
    assert hall.heard[2:] == [Ended(LEG, True, reason)]
    assert len(hall.dialling) == 0
    await hall.dialling.idle()
    assert relay.DropLeg not in hall.worker.commands()  # whoever dialled wants its report
    assert not hall.dialling.on_sip_event(CallRinging("call-1"))


async def test_a_leg_joins_the_room_that_there_is(hall: Hall) -> None:
    hall.worker.rooms.append("contact-1")
    await hall.dial()
    assert (hall.worker.rooms, hall.worker.commands()) == (["contact-1"], [relay.AddRtpLeg])


async def test_early_media_is_heard_and_its_description_need_not_come_again(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(CallProgress("call-1", "early"), CallAnswered("call-1", None))
    assert hall.heard == [EarlyMedia(LEG), Answered(LEG)]
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.SetAnswer]


async def test_of_several_phones_the_last_description_counts(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(CallProgress("call-1", "one"), CallProgress("call-1", "two"), CallAnswered("call-1", "one"))
    answers = [command.answer for command in hall.worker.asked if isinstance(command, relay.SetAnswer)]
    assert answers == ["one", "two", "one"]


async def test_early_media_that_cannot_be_used_is_not_told_and_the_call_goes_on(hall: Hall) -> None:
    await hall.dial()
    hall.worker.refusals[relay.SetAnswer] = Refusal("bad_sdp", "odd")
    await hall.tell(CallProgress("call-1", "odd"))
    hall.worker.refusals.clear()
    await hall.tell(CallAnswered("call-1", "good"))
    assert hall.heard == [Answered(LEG)]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_call_whose_media_cannot_be_encrypted_ends(hall: Hall, answered: bool) -> None:
    await hall.dial()
    await hall.tell(*([CallAnswered("call-1", "theirs")] if answered else []))
    hall.dialling.lose_media(LEG)
    hall.dialling.lose_media(LEG)  # it is told once
    await hall.lanes.empty()
    assert hall.phone.last() == ("hang_up", "call-1")
    assert hall.heard[-1] == (Ended(LEG, wanted=False) if answered else Failed(LEG, "failed", 488))
    assert hall.worker.commands()[-1] == (relay.SetAnswer if answered else relay.DropLeg)
    assert len(hall.heard) == 1 + answered


@pytest.mark.parametrize("sdp", [None, "odd"])
async def test_an_answer_without_usable_media_is_hung_up(hall: Hall, sdp: str | None) -> None:
    await hall.dial()
    hall.worker.refusals[relay.SetAnswer] = Refusal("no_common_codec", "none")
    await hall.tell(CallAnswered("call-1", sdp))
    assert hall.phone.last() == ("hang_up", "call-1")
    assert hall.heard == [Failed(LEG, "failed", 488)]
    assert hall.worker.commands()[-1] == relay.DropLeg
    assert len(hall.dialling) == 0


@pytest.mark.parametrize(
    ("ended", "outcome", "elsewhere"),
    [
        (CallEnded("call-1", "rejected", 486), "busy", False),
        (CallEnded("call-1", "timeout", 487), "no_answer", False),
        (CallEnded("call-1", "timeout", 408), "failed", True),
        (CallEnded("call-1", "lost", 503), "failed", True),
    ],
)
async def test_a_call_that_is_not_answered_leaves_no_leg(
    hall: Hall, ended: CallEnded, outcome: str, elsewhere: bool
) -> None:
    await hall.dial()
    await hall.tell(ended)
    [failed] = hall.heard
    assert isinstance(failed, Failed)
    assert (failed.outcome, failed.status, failed.elsewhere) == (outcome, ended.status, elsewhere)
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.DropLeg]


async def test_without_a_leg_there_is_no_invite(hall: Hall) -> None:
    hall.worker.refusals[relay.AddRtpLeg] = Refusal("no_port", "none left")
    await hall.dial()
    [failed] = hall.heard
    assert isinstance(failed, Failed) and (failed.outcome, failed.status) == ("failed", 503)
    assert (hall.phone.told, len(hall.dialling)) == ([], 0)


async def test_a_value_that_no_message_can_carry_fails_the_call_alone(hall: Hall) -> None:
    hall.phone.refused = True
    await hall.dial()
    [failed] = hall.heard
    assert isinstance(failed, Failed) and failed.status == 400
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.DropLeg]


async def test_who_hangs_up_hears_no_more(hall: Hall) -> None:
    await hall.dial()
    hall.dialling.on_sip_event(CallAnswered("call-1", "theirs"))
    hall.dialling.hang_up(LEG)
    await hall.lanes.empty()
    assert (hall.heard, hall.phone.last()) == ([], ("hang_up", "call-1"))
    hall.dialling.hang_up(LEG)
    assert hall.phone.told.count(("hang_up", "call-1")) == 1


async def test_a_call_that_is_given_up_before_its_invite_sends_none(hall: Hall) -> None:
    hall.dialling.dial(DIAL, hall.heard.append)
    hall.dialling.hang_up(LEG)
    await hall.lanes.empty()
    assert (hall.phone.told, hall.heard) == ([], [])


async def test_the_peer_changes_its_media_and_presses_digits(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(CallAnswered("call-1", "theirs"), CallOffer("call-1", "held"))
    assert hall.phone.last() == ("accept_offer", "call-1", "answer")
    hall.worker.refusals[relay.Renegotiate] = Refusal("no_common_codec", "none")
    await hall.tell(CallOffer("call-1", "odd"))
    assert hall.phone.last()[:3] == ("reject_offer", "call-1", 488)
    await hall.tell(CallOffer("call-1", None), OfferAnswered("call-1", "after"), DigitPressed("call-1", Pii("5"), 100))
    assert hall.worker.commands()[-3:] == [relay.Reoffer, relay.SetAnswer, relay.TakeDigit]
    hall.dialling.press(LEG, "7", 120)
    assert hall.phone.last() == ("press", "call-1", "7", 120)


async def test_whom_we_called_does_not_make_us_call_others(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(TransferAsked("call-1", Pii(Uri("sip", "+1900", "dear.test")), None))
    assert hall.phone.last() == ("refuse_transfer", "call-1", 403)
    [(tenant, event)] = hall.audit
    assert (tenant, event.action, event.outcome, event.source) == (TENANT, "TransferCall", "refused", "127.0.0.1")


async def test_where_a_called_side_would_send_us_we_do_not_go(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(CallEnded("call-1", "rejected", 302, None, Pii(Uri("sip", "+1900", "dear.test"))))
    assert hall.heard == [Failed(LEG, "failed", 302)]
    [(tenant, event)] = hall.audit
    assert (tenant, event.action, event.outcome, event.detail) == (
        TENANT, "RedirectCall", "refused", {"to": Pii("+1900")},
    )  # fmt: skip


async def test_whoever_would_take_over_another_trunks_call_is_audited(hall: Hall) -> None:
    await hall.dial()
    await hall.tell(TakeoverRefused("call-1", "203.0.113.9"))
    assert [(event.action, event.source) for _, event in hall.audit] == [("ReplaceCall", "203.0.113.9")]


async def test_a_lost_room_takes_its_calls_with_it(hall: Hall) -> None:
    await hall.dial()
    assert hall.dialling.contacts() == ["contact-1"]
    hall.dialling.lose("contact-2")
    assert len(hall.dialling) == 1
    hall.dialling.lose("contact-1")
    assert (hall.phone.last(), len(hall.dialling)) == (("hang_up", "call-1"), 0)
