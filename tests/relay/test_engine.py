import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from relay.api import Hear
from relay.codecs import opus
from relay.engine import Codec, Engine, SendFormat, Tick
from relay.streams.rtp import RtpPacket
from tests.relay.calls import (
    G722,
    L16_NARROW,
    L16_WIDE,
    MS,
    OPUS,
    PCMA,
    PCMU,
    RECEIVE,
    TICK,
    FullBandPeer,
    Peer,
    Samples,
    run,
    sending,
)
from tests.support.impair import Impairment
from tests.support.tones import dominant, level_of, residue_of, rms_of, tone

SECONDS = 3.0
VOICE = (PCMU, PCMA, OPUS, G722, L16_NARROW, L16_WIDE)


def two_way(engine: Engine, one: Peer, other: Peer, room: str = "room") -> None:
    for peer in (one, other):
        engine.add_leg(peer.leg, room, sending(peer.codec), RECEIVE)
    engine.set_room(room, (Hear(one.leg, other.leg), Hear(other.leg, one.leg)))


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VOICE, repeat=2)))
def test_two_parties_hear_each_other_and_nothing_else(left: Codec, right: Codec) -> None:
    engine, one, other = Engine(), Peer("one", left), Peer("other", right)
    two_way(engine, one, other)
    arrivals = {
        "one": one.send(tone(441, SECONDS, one.rate)),
        "other": other.send(tone(703, SECONDS, other.rate)),
    }
    run(engine, [one, other], arrivals, SECONDS)
    for listener, freq, strange in ((one, 703, 441), (other, 441, 703)):
        sound = listener.sound()[listener.rate :]
        assert dominant(sound, listener.rate) == pytest.approx(freq, abs=1)
        assert level_of(sound, listener.rate, freq) == pytest.approx(-10, abs=1)
        assert level_of(sound, listener.rate, strange) < -65
        if "opus" not in (left.name, right.name):
            assert residue_of(sound, listener.rate, freq) < -30


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_g711_to_the_same_law_is_bit_exact(codec: Codec) -> None:
    engine, one, other = Engine(), Peer("one", codec), Peer("other", codec)
    two_way(engine, one, other)
    run(engine, [one, other], {"one": one.send(tone(441, 1.0, 8000))}, 1.2)
    spoken = b"".join(packet.payload for packet in one.sent)
    assert spoken in b"".join(out.payload for out in other.heard)


class Table:
    """Some peers in one room, each speaking a tone of its own for as long as the test lasts."""

    def __init__(self, codecs: dict[str, Codec], seconds: float = SECONDS) -> None:
        self.engine = Engine()
        self.seconds = seconds
        self.peers = {leg: Peer(leg, codec) for leg, codec in codecs.items()}
        self.tones = {leg: 401.0 + 150 * number for number, leg in enumerate(codecs)}
        for leg, codec in codecs.items():
            self.engine.add_leg(leg, "room", sending(codec), RECEIVE)

    def run(self, *speakers: str) -> list[Tick]:
        arrivals = {
            leg: self.peers[leg].send(tone(self.tones[leg], self.seconds, self.peers[leg].rate, -20))
            for leg in speakers
        }
        return run(self.engine, list(self.peers.values()), arrivals, self.seconds)

    def levels(self, leg: str) -> dict[str, float]:
        """How loud each peer is at this one, once all has settled."""
        peer = self.peers[leg]
        sound = peer.sound()[peer.rate :]
        return {other: round(level_of(sound, peer.rate, freq)) for other, freq in self.tones.items()}


MIXED = {"pcmu": PCMU, "pcma": PCMA, "browser": OPUS, "other": OPUS}


def conference(legs: Iterable[str]) -> tuple[Hear, ...]:
    legs = list(legs)
    return tuple(Hear(one, other) for one in legs for other in legs if one != other)


@pytest.mark.parametrize("codecs", [MIXED, dict.fromkeys("abcde", PCMU), dict.fromkeys("abc", OPUS)])
def test_in_a_conference_each_hears_all_others_and_not_himself(codecs: dict[str, Codec]) -> None:
    table = Table(codecs)
    table.engine.set_room("room", conference(codecs))
    table.run(*codecs)
    for leg in codecs:
        for other, level in table.levels(leg).items():
            if other == leg:
                assert level < -60, (leg, other)
            else:
                assert level == pytest.approx(-20, abs=1.5), (leg, other)


def test_who_hears_whom_is_what_the_matrix_says() -> None:
    table = Table({"customer": PCMU, "agent": OPUS, "coach": OPUS, "monitor": PCMA})
    hearing = (
        Hear("customer", "agent"),
        Hear("agent", "customer"),
        Hear("agent", "coach", 0.5),
        Hear("monitor", "agent"),
        Hear("monitor", "customer"),
    )
    table.engine.set_room("room", hearing)
    table.run("customer", "agent", "coach", "monitor")
    heard = {leg: {other for other, level in table.levels(leg).items() if level > -60} for leg in table.peers}
    assert heard == {
        "customer": {"agent"},
        "agent": {"customer", "coach"},
        "coach": set(),
        "monitor": {"agent", "customer"},
    }
    assert table.levels("agent")["coach"] == pytest.approx(-26, abs=1.5)


def test_rooms_are_apart() -> None:
    engine, peers = Engine(), [Peer(leg, PCMU) for leg in ("a", "b", "c", "d")]
    two_way(engine, peers[0], peers[1], "one")
    two_way(engine, peers[2], peers[3], "two")
    arrivals = {peer.leg: peer.send(tone(401 + 150 * at, SECONDS, 8000)) for at, peer in enumerate(peers)}
    run(engine, peers, arrivals, SECONDS)
    for peer, partner in zip(peers, (1, 0, 3, 2), strict=True):
        levels = [level_of(peer.sound()[8000:], 8000, 401 + 150 * at) for at in range(4)]
        assert [at for at, level in enumerate(levels) if level > -60] == [partner]


def test_a_new_matrix_holds_from_the_next_tick_on_whole() -> None:
    engine, one, other = Engine(), Peer("one", PCMU), Peer("other", PCMU)
    two_way(engine, one, other)
    arrivals = {"one": one.send(tone(441, 2, 8000)), "other": other.send(tone(703, 2, 8000))}
    middle = {leg: [item for item in items if item.at_ns < 1000 * MS] for leg, items in arrivals.items()}
    run(engine, [one, other], middle, 1)
    engine.set_room("room", (Hear("one", "other"),))
    later = {leg: [item for item in items if item.at_ns >= 1000 * MS] for leg, items in arrivals.items()}
    run(engine, [one, other], later, 0.9, start_ns=1000 * MS)
    assert len(one.heard) in (94, 95) and len(other.heard) in (93, 94)
    silent = [out.payload == b"\xff" * 160 for out in other.heard]
    assert not any(silent[10:50])
    assert all(silent[50:])
    assert not any(out.payload == b"\xff" * 160 for out in one.heard[10:])


def test_hold_music_is_heard_by_him_who_is_held_and_nobody_else() -> None:
    table = Table({"customer": PCMU, "agent": OPUS})
    music = tone(1001, 1.0, 16000, -20)
    table.engine.add_player("room", "music", music, 16000, loop=True)
    table.engine.set_room("room", (Hear("customer", "music"),))
    ticks = table.run("customer", "agent")
    for leg, level in (("customer", -20), ("agent", -120)):
        sound = table.peers[leg].sound()[table.peers[leg].rate :]
        assert level_of(sound, table.peers[leg].rate, 1001) == pytest.approx(level, abs=1 if level > -100 else 40)
    assert all(level < -60 for level in table.levels("customer").values())
    assert not any(tick.ended for tick in ticks)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_prompt_is_heard_from_its_first_sample_to_its_last_and_then_told(rate: int) -> None:
    engine, peer = Engine(), Peer("caller", PCMU)
    engine.add_leg("caller", "room", sending(PCMU), RECEIVE)
    engine.set_room("room", (Hear("caller", "prompt"),))
    prompt = tone(500, 0.5, rate, -12)
    engine.add_player("room", "prompt", prompt, rate, loop=False)
    ticks = run(engine, [peer], {}, 1)
    sound = np.abs(peer.sound().astype(np.int32))
    assert np.flatnonzero(sound > 500)[0] < 40
    assert np.flatnonzero(sound > 500)[-1] == pytest.approx(4000, abs=40)
    assert [number for number, tick in enumerate(ticks) if tick.ended] == [25]
    assert ticks[25].ended == [("room", "prompt")]
    engine.add_player("room", "prompt", prompt, rate, loop=False)
    engine.remove_player("room", "prompt")
    engine.remove_player("room", "prompt")
    engine.remove_player("nowhere", "prompt")
    assert not any(tick.ended for tick in run(engine, [peer], {}, 1, start_ns=1000 * MS))


@pytest.mark.parametrize("codec", [PCMU, PCMA, OPUS])
def test_who_hears_nothing_is_sent_silence_every_tick(codec: Codec) -> None:
    engine, peer = Engine(), Peer("leg", codec)
    engine.add_leg("leg", "room", sending(codec), RECEIVE)
    run(engine, [peer], {}, 1)
    assert len(peer.heard) == 50
    assert rms_of(peer.sound()) < -65
    assert [out.marker for out in peer.heard] == [True] + [False] * 49
    assert {out.samples for out in peer.heard} == {960 if codec == OPUS else 160}


def test_from_mouth_to_ear_in_forty_milliseconds() -> None:
    delays = []
    for phase_ms in range(20):
        engine, one, other = Engine(), Peer("one", PCMU), Peer("other", PCMU)
        two_way(engine, one, other)
        spoken = np.zeros(8000, np.int16)
        spoken[4000:4400] = tone(800, 0.05, 8000)
        arrivals = {"one": one.send(spoken, how=Impairment(delay_ms=0))}
        run(engine, [one, other], arrivals, 1, phase_ns=phase_ms * MS)
        begins = int(np.flatnonzero(np.abs(other.sound()) > 1000)[0])
        delays.append(begins / 8 + phase_ms - 500)
    assert np.median(delays) <= 40
    assert max(delays) <= 44


def test_digits_are_told_by_leg() -> None:
    engine, peer = Engine(), Peer("leg", PCMU)
    engine.add_leg("leg", "room", sending(PCMU), RECEIVE)
    for number, (duration, end) in enumerate([(160, 0), (320, 0), (800, 0x80), (800, 0x80), (800, 0x80)]):
        payload = bytes([9, end | 10]) + duration.to_bytes(2, "big")
        engine.receive("leg", RtpPacket(101, number == 0, 7, 70_000 + number, 5_000, payload), number * TICK)
    assert engine.tick(100 * MS).digits == [("leg", "9", 100)]
    assert engine.tick(120 * MS).digits == []
    assert peer.leg in engine.tick(140 * MS).sends[0].leg


def test_a_leg_renegotiated_keeps_its_place() -> None:
    engine, one, other = Engine(), Peer("one", PCMU), Peer("other", PCMU)
    two_way(engine, one, other)
    arrivals = one.send(tone(441, 2, 8000))
    run(engine, [], {"one": [item for item in arrivals if item.at_ns < 980 * MS]}, 1)
    engine.set_format("other", sending(PCMA, 40), RECEIVE)
    other.codec = PCMA
    run(engine, [other], {"one": [item for item in arrivals if item.at_ns >= 980 * MS]}, 0.9, start_ns=1000 * MS)
    assert level_of(other.sound(), 8000, 441) == pytest.approx(-10, abs=0.5)
    assert {out.samples for out in other.heard} == {320}
    assert [out.payload_type for out in other.heard if out.marker] == [8]
    assert engine.report("one").packets_received == len([item for item in arrivals if item.at_ns < 1888 * MS])


def test_a_room_becomes_wide_when_a_second_party_can_use_it() -> None:
    engine, caller, agent, third = Engine(), Peer("caller", PCMU), Peer("agent", OPUS), Peer("third", OPUS)
    for peer in (caller, agent):
        engine.add_leg(peer.leg, "room", sending(peer.codec), RECEIVE)
    engine.set_room("room", conference(["caller", "agent", "third"]))
    high = {"agent": agent.send(tone(6001, 4, 16000))}
    early = {"agent": [one for one in high["agent"] if one.at_ns < 2000 * MS]}
    late = {"agent": [one for one in high["agent"] if one.at_ns >= 2000 * MS]}
    run(engine, [third, caller], early, 2)
    engine.add_leg("third", "room", sending(OPUS), RECEIVE)
    run(engine, [third, caller], late, 1.9, start_ns=2000 * MS)
    assert level_of(third.sound()[8000:], 16000, 6001) == pytest.approx(-10, abs=2)
    assert rms_of(caller.sound()[8000:]) < -45
    engine.remove_leg("third")
    assert {out.leg for out in engine.tick(4000 * MS).sends} == {"caller", "agent"}


def test_a_room_is_full_band_when_two_parties_ask_for_what_it_takes() -> None:
    engine, speaker, listener, caller = (
        Engine(),
        FullBandPeer("speaker"),
        FullBandPeer("listener"),
        Peer("caller", PCMU),
    )
    full = SendFormat(OPUS, 96, bitrate=64_000)
    for leg, format in (("speaker", full), ("listener", full), ("caller", sending(PCMU))):
        engine.add_leg(leg, "room", format, RECEIVE)
    engine.set_room("room", conference(["speaker", "listener", "caller"]))
    arrivals = {
        "speaker": speaker.send(tone(11_001, 2, 48_000) // 2 + tone(1003, 2, 48_000) // 2),
        "caller": caller.send(tone(703, 2, 8000)),
    }
    run(engine, [listener, caller], arrivals, 1.9)
    heard = listener.sound()[24_000:]
    assert level_of(heard, 48_000, 11_001) == pytest.approx(-16, abs=2)
    assert level_of(heard, 48_000, 1003) == pytest.approx(-16, abs=1)
    assert level_of(heard, 48_000, 703) == pytest.approx(-10, abs=1)
    assert level_of(heard, 48_000, 16_000 - 703) < -60
    assert level_of(caller.sound()[4000:], 8000, 1003) == pytest.approx(-16, abs=1)
    assert level_of(caller.sound()[4000:], 8000, 11_001 - 8000) < -55


def test_a_room_ends_with_its_last_leg() -> None:
    engine, peer = Engine(), Peer("leg", PCMU)
    engine.add_leg("leg", "room", sending(PCMU), RECEIVE)
    engine.add_player("room", "music", tone(440, 1, 8000), 8000, loop=True)
    engine.set_room("room", (Hear("leg", "music"),))
    run(engine, [], {"leg": peer.send(tone(440, 0.5, 8000), how=Impairment(loss=0.1))}, 1)
    report = engine.remove_leg("leg")
    assert report.packets_received + report.packets_lost <= 25
    assert report.frames_concealed >= report.packets_lost > 0
    with pytest.raises(KeyError):
        engine.set_room("room", ())
    engine.add_leg("leg", "room", sending(PCMU), RECEIVE)
    assert engine.tick(0).sends[0].payload == b"\xff" * 160


def test_what_is_not_there_or_there_already_is_refused() -> None:
    engine = Engine()
    missing: list[Callable[[], object]] = [
        lambda: engine.remove_leg("leg"),
        lambda: engine.report("leg"),
        lambda: engine.set_format("leg", sending(PCMU), RECEIVE),
        lambda: engine.receive("leg", RtpPacket(0, False, 1, 1, 1, b""), 0),
        lambda: engine.set_room("room", ()),
        lambda: engine.add_player("room", "music", np.zeros(9, np.int16), 8000, False),
    ]
    for call in missing:
        with pytest.raises(KeyError):
            call()
    engine.add_leg("leg", "room", sending(PCMU), RECEIVE)
    engine.add_player("room", "music", np.zeros(9, np.int16), 8000, True)
    wrong: list[Callable[[], object]] = [
        lambda: engine.add_leg("leg", "other", sending(PCMU), RECEIVE),
        lambda: engine.add_leg("new", "other", sending(PCMU, 25), RECEIVE),
        lambda: engine.add_player("room", "music", np.zeros(9, np.int16), 8000, False),
        lambda: engine.add_player("room", "prompt", np.zeros(9, np.int16), 44_100, False),
    ]
    for call in wrong:
        with pytest.raises(ValueError):
            call()
    with pytest.raises(KeyError):
        engine.set_room("other", ())


def test_a_large_room_of_opus_is_encoded_once_for_its_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    encodes: list[int] = []
    encode = opus.Encoder.encode

    def counted(self: opus.Encoder, samples: Samples) -> bytes:
        encodes.append(len(samples))
        return encode(self, samples)

    legs = [f"leg{number}" for number in range(40)]
    table = Table(dict.fromkeys(legs, OPUS), 2.0)
    table.engine.set_room("room", conference(legs))
    monkeypatch.setattr(opus.Encoder, "encode", counted)
    table.run("leg0", "leg1", "leg2")
    ticks = 100
    # The three speakers' own sound is encoded by the test's peers with the same function.
    assert len(encodes) - 3 * ticks < 6 * ticks
    levels = table.levels("leg9")
    for leg in ("leg0", "leg1", "leg2"):
        assert levels[leg] == pytest.approx(-20, abs=2)
    assert max(levels[leg] for leg in legs[3:]) < -50


def test_copies_are_sent_only_to_a_peer_that_loses_packets_and_as_long_as_it_does() -> None:
    engine, speaker, well, losing = Engine(), Peer("speaker", PCMU), Peer("well", OPUS), Peer("losing", OPUS)
    for peer in (speaker, well, losing):
        engine.add_leg(peer.leg, "room", sending(peer.codec), RECEIVE)
    engine.set_room("room", (Hear("well", "speaker"), Hear("losing", "speaker")))
    noise = np.random.default_rng(3).normal(0, 1, 64_000) * np.repeat([6000, 200] * 20, 1600)
    arrivals = speaker.send(noise.astype(np.int16))
    for part, (percent, reports, expected) in enumerate([(0, 1, False), (5, 1, True), (0, 1, True), (0, 9, False)]):
        for _ in range(reports):
            engine.expect_loss("losing", percent)
        for peer in (well, losing):
            peer.heard.clear()
        heard = [one for one in arrivals if part * 100 * TICK <= one.at_ns < (part + 1) * 100 * TICK]
        run(engine, [well, losing], {"speaker": heard}, 2.0, part * 100 * TICK)
        settled = losing.heard[5:]
        assert any(opus.has_copy(out.payload) for out in settled) == expected
        assert not any(opus.has_copy(out.payload) for out in well.heard)
