"""What the finalizer makes of good, late, lost, paused and odd packets."""

import functools
import hashlib
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from recorder import api
from recorder.finalizing import manifest
from recorder.finalizing.outcome import Empty, Failed, Finished
from recorder.wire import Codec, Kind, Record
from tests.recorder.finalizing.test_encoding import read
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import start_of
from tests.support.impair import Impairment
from tests.support.tapper import EPOCH, MS, Speaker, call, codec_rate, speak
from tests.support.tones import Samples, level_of, rms_of, tone

NAME = bytes.fromhex(RECORDING)
ROUGH = Impairment(loss=0.05, jitter_ms=60, reorder=0.1, reorder_ms=70, duplicate=0.02)
LATE = Impairment(jitter_ms=60, reorder=0.2, reorder_ms=900)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@functools.cache
def noise(seconds: float, rate: int, skew: float = 0.0) -> Samples:
    """The same sound for whoever speaks it, as a function of true time, sampled by a clock that is off by `skew`."""
    time = np.arange(round(seconds * rate)) / (rate * (1 + skew))
    generator = np.random.default_rng(7)
    pitches = generator.uniform(300, 3000, 60)
    phases = generator.uniform(0, 6.28, 60)
    sound = sum(np.sin(2 * np.pi * pitch * time + phase) for pitch, phase in zip(pitches, phases, strict=True))
    return np.asarray(1200 * np.asarray(sound), np.int16)


def offset_ms(left: Samples, right: Samples, rate: int, at: float) -> float:
    """By how much the right side is later than the left, around a time, up to 30 ms."""
    middle, half, reach = round(at * rate), rate, rate * 30 // 1000
    window = right[middle - half : middle + half]
    around = left[middle - half - reach : middle + half + reach]
    size = len(window) + len(around)
    likeness = np.fft.irfft(np.fft.rfft(around, size) * np.fft.rfft(window, size).conj(), size)
    return (reach - int(np.argmax(likeness[: 2 * reach + 1]))) * 1000 / rate


@pytest.mark.parametrize("agent_codec", [Codec.PCMA, Codec.OPUS, Codec.G722, Codec.L16_16000])
def test_sides_stay_aligned_when_clocks_drift_and_the_network_is_rough(room: Room, agent_codec: Codec) -> None:
    rate = codec_rate(agent_codec)
    customer = Speaker(0, end=40.0, skew=200e-6, network=ROUGH, sound=noise(40.1, 8000, 200e-6), seed=1)
    agent = Speaker(
        1, end=40.0, skew=-200e-6, network=ROUGH, sound=noise(40.1, rate, -200e-6), seed=2, codec=agent_codec
    )
    heard = room.made_of(call(RECORDING, (customer, agent)))
    assert heard.rate == rate
    for at in (1.5, 20.0, 38.0):
        assert abs(offset_ms(heard.left, heard.right, heard.rate, at)) <= 1.0


def test_late_packets_are_all_in_the_file(room: Room) -> None:
    """Each packet of a network that only delays is found where a perfect network puts it, to a millisecond."""
    sound = noise(11.0, 8000)
    clean = room.made_of(speak(RECORDING, Speaker(0, end=11.0, sound=sound)))
    late = room.made_of(speak(RECORDING, Speaker(0, end=11.0, sound=sound, network=LATE)))
    assert [gap for gap in late.manifest.gaps if gap.start_ms < 10_000] == []  # at the end some come after the END
    for start in range(8000, 79_000, 160):
        packet = clean.left[start : start + 160].astype(np.float64)
        windows = sliding_window_view(late.left[start - 8 : start + 168].astype(np.float64), 160)
        likeness = windows @ packet / np.linalg.norm(windows, axis=1) / np.linalg.norm(packet)
        assert likeness.max() > 0.9


def test_what_the_tap_said_twice_is_heard_once(room: Room) -> None:
    records = call(RECORDING, (Speaker(0, end=4.0, network=ROUGH), Speaker(1, 700.0, end=4.0)))
    once = room.made_of(records)
    twice = room.made_of(records[:500] + records[100:] + records[300:])
    assert np.array_equal(once.left, twice.left)
    assert np.array_equal(once.right, twice.right)
    assert once.manifest.parties == twice.manifest.parties
    assert once.manifest.gaps == twice.manifest.gaps


def test_each_lost_packet_is_silence_and_an_entry(room: Room) -> None:
    speaker = Speaker(0, end=6.0, network=Impairment(loss=0.05), seed=5)
    records = speak(RECORDING, speaker)
    have = {record.sequence for record in records if record.kind is Kind.PACKET}
    missing = set(range(min(have), max(have))) - have
    heard = room.made_of(records)
    listed = {round(at / 20) for gap in heard.manifest.gaps for at in range(gap.start_ms - 30, gap.end_ms - 40, 20)}
    assert listed == {sequence - speaker.first_sequence for sequence in missing}
    assert {gap.cause for gap in heard.manifest.gaps} == {"network"}
    assert heard.manifest.parties[0].lost == len(missing) > 5
    for gap in heard.manifest.gaps:
        assert not heard.left[gap.start_ms * 8 + 8 : gap.end_ms * 8 - 8].any()


def test_a_pause_is_silent_and_listed(room: Room) -> None:
    customer = Speaker(0, end=6.0, pauses=((2.0, 3.0), (5.0, 9.0)))
    heard = room.made_of(call(RECORDING, (customer, Speaker(1, 700.0, end=6.0))))
    assert [(pause.start_ms, pause.end_ms, pause.party) for pause in heard.manifest.pauses] == [
        (2000, 3000, 0),
        (5000, 6000, 0),
    ]
    assert not heard.left[16000:24000].any()
    assert not heard.left[40000:].any()
    assert level_of(heard.left[24500:39500], 8000, 440) > -12
    assert level_of(heard.right[16000:24000], 8000, 700) > -12
    assert heard.manifest.gaps == ()


def test_a_pause_silences_even_what_was_tapped_in_it(room: Room) -> None:
    records = speak(RECORDING, Speaker(0, end=4.0))
    records += [Record(NAME, Kind.PAUSE, 0, EPOCH + 1000 * MS), Record(NAME, Kind.RESUME, 0, EPOCH + 2000 * MS)]
    heard = room.made_of(sorted(records, key=lambda record: record.clock))
    assert not heard.left[8000:16000].any()
    assert heard.left[7000:8000].any()
    assert heard.left[16000:17000].any()


def test_tap_gaps_are_told_apart(room: Room) -> None:
    """The worker says what it dropped; a clock that stands still says that something was away."""
    records = [record for record in speak(RECORDING, Speaker(0, end=8.0)) if not 1e9 < record.clock - EPOCH < 2e9]
    dropped = Record(NAME, Kind.GAP, 0, EPOCH + 2000 * MS, sequence=50, timestamp=EPOCH + 1000 * MS)
    away = [record for record in records if not 4e9 < record.clock - EPOCH < 5.5e9]
    heard = room.made_of(sorted([*away, dropped], key=lambda record: record.clock))
    long = [gap for gap in heard.manifest.gaps if gap.end_ms - gap.start_ms > 100]
    assert [gap.cause for gap in long] == ["overflow", "tap"]
    assert (long[0].start_ms, long[0].end_ms) == (1010, 2010)
    assert long[1].start_ms == pytest.approx(4000, abs=110)
    assert long[1].end_ms == pytest.approx(5500, abs=110)
    assert len(heard.left) == 64000


def test_silence_that_was_never_sent_is_no_gap(room: Room) -> None:
    speaker = Speaker(0, end=6.0)
    records = []
    for record in speak(RECORDING, speaker):
        index = record.sequence - speaker.first_sequence
        if record.kind is Kind.PACKET and 100 <= index < 200:
            continue
        records.append(record._replace(sequence=record.sequence - 100) if index >= 200 else record)
    heard = room.made_of(records)
    assert heard.manifest.gaps == ()
    assert not heard.left[17000:31000].any()
    assert level_of(heard.left[33000:47000], 8000, 440) > -12


def test_a_party_may_change_codec_and_ssrc(room: Room) -> None:
    first = Speaker(0, 440.0, end=3.0, ends=False)
    second = Speaker(0, 440.0, Codec.OPUS, begin=3.0, end=6.0, ssrc=99, first_sequence=7, first_timestamp=5, ends=False)
    third = Speaker(0, 440.0, Codec.PCMA, begin=6.0, end=9.0, ssrc=99, first_sequence=157, first_timestamp=77)
    begins = [record for one in (second, third) for record in speak(RECORDING, one) if record.kind is not Kind.BEGIN]
    heard = room.made_of(sorted(speak(RECORDING, first) + begins, key=lambda record: record.clock))
    assert heard.rate == 16000
    assert heard.manifest.parties[0].codecs == ("PCMU", "PCMA", "OPUS")
    for second_of in (0.5, 2.0, 3.5, 5.0, 6.5, 8.0):
        at = round(second_of * 16000)
        assert level_of(heard.left[at : at + 8000], 16000, 440) > -12
    assert [gap for gap in heard.manifest.gaps if gap.cause != "network"] == []


def test_a_timestamp_that_jumps_does_not_move_what_was_before(room: Room) -> None:
    speaker = Speaker(0, end=6.0, network=Impairment(jitter_ms=40))
    records = [
        record._replace(timestamp=record.timestamp + (3_000_000 if record.sequence >= 65_150 else 0))
        for record in speak(RECORDING, speaker)
    ]
    heard = room.made_of(records)
    for at in (4000, 20000, 24500, 40000):
        assert level_of(heard.left[at : at + 3000], 8000, 440) > -12


def stepped(speaker: Speaker, before_ms: int, after_ms: int, lost: range = range(0)) -> list[Record]:
    """Its records, whose packets are so late up to the 150th, and so late from there on."""
    records = []
    for record in speak(RECORDING, speaker):
        index = record.sequence - speaker.first_sequence
        late = before_ms if index < 150 else after_ms
        if record.kind is Kind.PACKET and index not in lost:
            records.append(record._replace(clock=record.clock + late * MS))
        elif record.kind is not Kind.PACKET:
            records.append(record)
    return sorted(records, key=lambda record: record.clock)


SHIFTED = Speaker(0, end=6.0, sound=noise(6.0, 8000))
"""Heard 30 ms later, over the network's least delay."""


@pytest.mark.parametrize("jitter_ms", [0, 20])
def test_a_delay_that_grows_for_good_is_silence_and_an_entry_where_it_is(room: Room, jitter_ms: int) -> None:
    speaker = msgspec.structs.replace(SHIFTED, network=Impairment(jitter_ms=jitter_ms))
    heard = room.made_of(stepped(speaker, 0, 150))
    (gap,) = [gap for gap in heard.manifest.gaps if gap.end_ms < 5900]
    assert gap.cause == "shift" and heard.manifest.parties[0].lost == 0
    assert abs(gap.start_ms - 3030) <= 4 and abs(gap.end_ms - 3180) <= 4
    assert not heard.left[gap.start_ms * 8 + 8 : gap.end_ms * 8 - 8].any()
    for at in (23_000, 25_300):
        assert heard.left[at : at + 800].any()


def test_a_delay_that_shrinks_for_good_covers_what_was_before_and_is_an_entry(room: Room) -> None:
    """What follows is heard whole, and not in turns with what it covers."""
    clean = room.made_of(speak(RECORDING, SHIFTED))
    heard = room.made_of(stepped(SHIFTED, 150, 0))
    assert [(gap.start_ms, gap.end_ms, gap.cause) for gap in heard.manifest.gaps] == [(3030, 3180, "shift")]
    assert np.array_equal(heard.left[24_240:], clean.left[24_240:])
    assert np.array_equal(heard.left[1_200:24_240], clean.left[: 24_240 - 1_200])


@pytest.mark.parametrize(("before_ms", "after_ms", "span"), [(0, 150, (3030, 3580)), (150, 0, (3180, 3430))])
def test_a_step_in_which_packets_are_lost_is_one_loss(
    room: Room, before_ms: int, after_ms: int, span: tuple[int, int]
) -> None:
    heard = room.made_of(stepped(SHIFTED, before_ms, after_ms, lost=range(150, 170)))
    assert [(gap.start_ms, gap.end_ms, gap.cause) for gap in heard.manifest.gaps] == [(*span, "network")]
    assert heard.manifest.parties[0].lost == 20


def test_a_step_in_a_pause_is_no_entry(room: Room) -> None:
    speaker = msgspec.structs.replace(SHIFTED, pauses=((2.5, 3.5),))
    heard = room.made_of([record for record in stepped(speaker, 0, 150) if record.clock - EPOCH <= 6000 * MS])
    assert heard.manifest.gaps == () and heard.manifest.parties[0].lost == 0


def test_all_but_the_agent_are_added_up_on_the_left(room: Room) -> None:
    parties = (api.Party(0, "other", "a"), api.Party(1, "agent", "b"), api.Party(2, "other", "c"))
    loud = np.full(16000, 30000, np.int16)
    speakers = (Speaker(0, end=2.0, sound=loud), Speaker(1, 700.0, end=2.0), Speaker(2, end=2.0, sound=loud))
    heard = room.made_of(call(RECORDING, speakers), parties)
    assert heard.left[8000] == 32767
    assert level_of(heard.right, 8000, 700) > -11


def test_a_party_that_nobody_announced_is_not_in_the_sound(room: Room) -> None:
    heard = room.made_of(call(RECORDING, (Speaker(0, end=2.0), Speaker(9, 700.0, end=5.0))))
    assert heard.manifest.undeclared_parties == (9,)
    assert heard.manifest.duration_ms == 2000
    assert rms_of(heard.right) < -100


def test_a_party_without_an_end_was_there_as_long_as_its_clock(room: Room) -> None:
    heard = room.made_of(speak(RECORDING, Speaker(0, end=3.0, ends=False)))
    assert heard.manifest.duration_ms == pytest.approx(3000, abs=110)


def test_narrow_sound_in_a_wide_file_has_no_image(room: Room) -> None:
    customer = Speaker(0, end=3.0, sound=tone(3000.0, 3.0, 8000))
    heard = room.made_of(call(RECORDING, (customer, Speaker(1, 700.0, Codec.OPUS, end=3.0))))
    middle = heard.left[8000:40000]
    assert level_of(middle, 16000, 3000) > -11
    assert level_of(middle, 16000, 5000) < -60


def test_packets_that_do_not_decode_are_counted(room: Room) -> None:
    records = [
        record._replace(payload=b"\xff\xff\xff\xff")
        if record.kind is Kind.PACKET and record.sequence % 10 == 0
        else record
        for record in speak(RECORDING, Speaker(0, 700.0, Codec.OPUS, end=3.0))
    ]
    heard = room.made_of(records)
    assert level_of(heard.left, 16000, 700) > -20
    assert heard.manifest.parties[0].undecodable > 10


@pytest.mark.parametrize("format", ["wav", "flac", "opus"])
def test_each_party_may_have_a_file_of_its_own(room: Room, format: api.Format) -> None:
    records = call(RECORDING, (Speaker(0, end=3.0), Speaker(1, 700.0, Codec.OPUS, begin=1.0, end=3.0)))
    folder = room.spool_as(start_of(RECORDING, format=format, tracks=True), records)
    result = room.finalize(folder)
    assert isinstance(result, Finished)
    told = manifest.decode(room.read(folder, "manifest.sealed"))
    suffix, name = api.FORMATS[format][0], start_of(RECORDING).key.removesuffix(".wav")
    assert [(track.party, track.key) for track in told.tracks] == [
        (0, f"{name}.other-0{suffix}"),
        (1, f"{name}.agent-1{suffix}"),
    ]
    assert [made.key for made in result.objects] == [
        *(track.key for track in told.tracks),
        f"{name}{suffix}.json",
        f"{name}{suffix}",
    ]
    for made in result.objects:
        assert hashlib.sha256(room.read(folder, made.file)).hexdigest() == made.sha256
    both = read(room.read(folder, "sound.sealed"), 16000)
    for party in (0, 1):
        alone = read(room.read(folder, f"track-{party}.sealed"), 16000)
        assert alone.shape == (len(both), 1)
        assert level_of(alone[20000:40000, 0], 16000, (440, 700)[party]) > -11
        assert level_of(alone[20000:40000, 0], 16000, (700, 440)[party]) < -60
        if format != "opus":
            assert np.array_equal(alone[:, 0], both[:, party])


def test_peaks_follow_the_sound(room: Room) -> None:
    heard = room.made_of(call(RECORDING, (Speaker(0, end=4.0), Speaker(1, begin=2.0, end=4.0))))
    peaks = heard.manifest.peaks
    assert len(peaks.left) == len(peaks.right) == 4 * peaks.per_second
    assert set(peaks.right[: 2 * peaks.per_second - 1]) == {0}
    assert min(peaks.left[2:]) > 30
    assert max(peaks.left) <= 127


def test_without_a_begin_there_is_nothing(room: Room) -> None:
    assert room.finalize(room.spool([])) == Empty()


def test_finalizing_twice_gives_the_same_sound_under_another_key(room: Room) -> None:
    folder = room.spool(speak(RECORDING, Speaker(0, end=2.0)))
    outcomes = []
    sealed = []
    for _ in range(2):
        outcomes.append(msgspec.to_builtins(room.finalize(folder)))
        sealed.append((folder / "sound.sealed").read_bytes())
    assert outcomes[0]["sha256"] == outcomes[1]["sha256"]
    assert sealed[0][-1000:] != sealed[1][-1000:]


def test_a_recording_that_is_started_late_begins_with_what_was_heard_first(room: Room) -> None:
    records = [record for record in speak(RECORDING, Speaker(0, end=3.0)) if record.clock > EPOCH + 1000 * MS]
    heard = room.made_of(records)
    assert heard.manifest.duration_ms == pytest.approx(2000, abs=120)
    assert level_of(heard.left, heard.rate, 440) > -20


def test_a_clock_that_lies_sets_its_recording_aside(room: Room) -> None:
    lie = Record(NAME, Kind.END, 0, EPOCH + 72 * 3600 * 10**9)
    result = room.finalize(room.spool([*speak(RECORDING, Speaker(0, end=1.0, ends=False)), lie]))
    assert result == Failed("the time line is longer than two days")


@pytest.mark.parametrize("seed", range(40))
def test_records_that_lie_about_anything_are_heard_or_set_aside(room: Room, seed: int) -> None:
    """Order, party, codec, numbers, times, lengths: whatever a worker says, it is an outcome and no fault."""
    generator = random.Random(seed)
    records = call(RECORDING, (Speaker(0, end=2.0), Speaker(1, 700.0, Codec.OPUS, end=2.0)))
    for index in generator.sample(range(len(records)), 30):
        wide = generator.choice((0, 1, -1, 1 << 31, -(1 << 62), (1 << 63) - 1, generator.getrandbits(40)))
        lie: dict[str, Any] = generator.choice(
            [
                {"kind": generator.choice(list(Kind))},
                {"party": generator.choice((0, 1, 7, 255))},
                {"clock": EPOCH + generator.randrange(-(10**10), 10**10)},
                {"codec": generator.choice(list(Codec))},
                {"sequence": wide},
                {"timestamp": wide},
                {"ssrc": generator.getrandbits(32)},
                {"payload": generator.randbytes(generator.choice((0, 1, 160, 2000)))},
            ]
        )
        records[index] = records[index]._replace(**lie)
    result = room.finalize(room.spool(records))
    assert isinstance(result, (Finished, Failed)), result
    if isinstance(result, Finished):
        assert result.duration_ms <= 40_000


def test_sound_of_unannounced_parties_alone_is_not_thrown_away(room: Room) -> None:
    result = room.finalize(room.spool(speak(RECORDING, Speaker(9, end=1.0))))
    assert result == Failed("there is sound, but of no party that was announced")
