"""Silence that is not decoded: when, and that no decoder is any the worse for it."""

import numpy as np
import pytest

from relay.codecs import opus
from relay.mixing.rows import SILENT_PEAK
from relay.passing.rest import CALM_TURNS, CYCLE, Rest
from tests.support.tones import tone

ROW = np.array([3])


def made() -> Rest:
    rest = Rest()
    rest.grow(4)
    rest.begin(3)
    return rest


def turn(rest: Rest, silent: bool, again: bool = True) -> int | None:
    """How much is to be decoded before the packet; None: it is not decoded."""
    awake, undecoded = rest.turn(ROW, rest.are_calm(ROW, np.array([silent])) & again)
    return undecoded[0] if len(awake) else None


def test_what_repeats_itself_rests_after_a_while_until_something_else_comes() -> None:
    rest = made()
    for _ in range(2):
        assert [turn(rest, True) for _ in range(CALM_TURNS)] == [0] * (CALM_TURNS - 1) + [None]
        assert [turn(rest, True) for _ in range(9)] == [None] * 9
        assert rest.undecoded(3) == CYCLE
        assert turn(rest, True, again=False) == CYCLE
        assert [turn(rest, True, again=again) for again in (True, True, False)] == [None, None, 2]
        assert turn(rest, False) == 0
        assert rest.undecoded(3) == 0


def test_a_short_rest_leaves_little_to_be_decoded() -> None:
    rest = made()
    for _ in range(CALM_TURNS + 1):
        turn(rest, True)
    assert (rest.undecoded(3), turn(rest, False)) == (2, 2)


def test_it_begins_anew_with_another_run_and_other_rows_do_not_matter() -> None:
    rest = made()
    for _ in range(CALM_TURNS):
        turn(rest, True)
    rest.grow(9)
    assert rest.undecoded(3) == 1
    rest.begin(3)
    assert (rest.undecoded(3), turn(rest, True)) == (0, 0)
    assert len(rest.turn(np.zeros(0, np.int64), np.zeros(0, np.bool_))[0]) == 0


ENCODERS = [(8000, 24_000, 0), (16_000, 24_000, 0), (16_000, 24_000, 10), (48_000, 32_000, 0), (48_000, 96_000, 0)]


@pytest.mark.parametrize("decoded_at", [8000, 16_000, 48_000])
@pytest.mark.parametrize(("rate", "bitrate", "loss"), ENCODERS)
def test_a_decoder_that_rested_goes_on_as_if_it_had_not(rate: int, bitrate: int, loss: int, decoded_at: int) -> None:
    encoder = opus.Encoder(rate, bitrate)
    encoder.expect_loss(loss)
    sound = tone(440, 1.0, rate)
    packets = [encoder.encode(frame) for part in (sound, sound * 0, sound * 0, sound) for frame in part.reshape(50, -1)]
    always, sometimes, rest = opus.Decoder(decoded_at), opus.Decoder(decoded_at), made()
    silent, rested = False, 0
    for number, packet in enumerate(packets):
        heard = always.decode(packet)
        missed = turn(rest, silent, packet in packets[max(0, number - CYCLE) : number])
        if missed is None:
            rested += 1
            assert np.abs(heard).max() <= SILENT_PEAK
            silent = True
            continue
        for before in packets[number - missed : number]:
            sometimes.decode(before)
        sound_now = sometimes.decode(packet)
        assert (sound_now == heard).all()
        silent = bool(np.abs(sound_now).max() <= SILENT_PEAK)
    assert rested > 30
    assert (always.conceal(decoded_at // 50) == sometimes.conceal(decoded_at // 50)).all()
