"""The figures of a report are right: a relay of the test spoils what the callee hears, and the numbers are compared."""

import numpy as np
import pytest

from bench.call.caller import Caller, CallerConfig
from bench.call.negotiation import Terms
from bench.call.sounds import tone
from tests.bench.callee import Callee, Script, callee
from tests.bench.impairment import Impairment, Relay
from tests.bench.spectrum import tones

SECONDS = 1.3


async def spoil(impairment: Impairment, terms: Terms) -> tuple[Relay, Callee, Caller]:
    relay = Relay(impairment)
    async with callee(Script(terms=terms, through=relay.through)) as phone:
        async with Caller(CallerConfig("1", phone.target(), terms, sound=tone(440))) as caller:
            await caller.answered()
            await caller.wait(SECONDS)
        relay.close()
    return relay, phone, caller


@pytest.mark.parametrize("terms", [Terms(("PCMU",)), Terms(("opus",), "sdes")], ids=["plain", "encrypted"])
async def test_lost_packets_are_counted(terms: Terms) -> None:
    relay, phone, _ = await spoil(Impairment(loss=0.2, seed=3), terms)
    assert relay.lost > 5
    reception = phone.media.receiver.reception if phone.media and phone.media.receiver else None
    assert reception is not None
    expected = max(relay.sequences) - min(relay.sequences) + 1
    assert reception.lost == expected - len(relay.sequences)
    assert reception.largest_gap >= 0.035
    assert 440 in tones(*phone.heard)


async def test_the_caller_learns_from_rtcp_what_its_peer_lost() -> None:
    """A report comes one second into the call: so the figure is that of then."""
    _, _, caller = await spoil(Impairment(), Terms(("PCMU",)))
    assert caller.report.peer_lost == 0
    assert caller.report.peer_jitter_ms is not None and caller.report.peer_jitter_ms < 20


async def test_repeated_and_reordered_packets_are_counted_and_leave_no_trace_in_the_sound() -> None:
    relay, phone, _ = await spoil(Impairment(twice=0.2, late=0.2, seed=5), Terms(("PCMA",)))
    assert phone.media is not None and phone.media.receiver is not None
    reception = phone.media.receiver.reception
    assert relay.doubled > 3 and relay.delayed > 3
    assert reception.duplicates == relay.doubled
    assert 0 < reception.reordered <= relay.delayed
    assert reception.lost <= 2
    samples, rate = phone.heard
    middle = samples[rate // 2 : rate].astype(np.float64)
    assert not (np.convolve(np.abs(middle), np.ones(40), "valid") == 0).any(), "a hole in the sound"
    assert 440 in tones(samples, rate)


async def test_sound_from_another_address_is_sent_when_asked_for() -> None:
    async with callee() as phone:
        async with Caller(CallerConfig("1", phone.target(), sound=tone(440), media_from="127.0.0.2")) as caller:
            await caller.answered()
            await caller.wait(0.3)
        assert caller.report.packets_sent > 5
        assert phone.media is not None and phone.media.receiver is not None
        assert phone.media.receiver.reception.received > 5, "this callee takes what comes from anywhere"
