import numpy as np
import numpy.typing as npt

from relay.mixing.hearing import Cells, distinct_mixes
from relay.mixing.mixer import FULL_SCALE, KNEE, mix, soft_clip
from tests.support.tones import level_of, residue_of, tone


def mixed(frames: npt.NDArray[np.int16], *cells: tuple[int, int, float]) -> npt.NDArray[np.int16]:
    listeners, sources, gains = zip(*cells, strict=True) if cells else ((), (), ())
    told = Cells(np.array(listeners, np.intp), np.array(sources, np.intp), np.array(gains, np.float32))
    return mix(frames, distinct_mixes(told, np.ones(len(frames), np.bool_)))


def test_a_sum_is_the_sum() -> None:
    frames = np.array([[100] * 4, [20] * 4, [-3] * 4], np.int16)
    out = mixed(frames, (0, 1, 1.0), (0, 2, 1.0), (1, 0, 1.0), (2, 0, 0.5), (2, 1, 2.0))
    assert out[:, 0].tolist() == [17, 100, 90]


def test_one_source_alone_is_passed_on_as_it_is() -> None:
    frames = np.array([[32767, -32768, 30000, 5]], np.int16)
    assert (mixed(frames, (0, 0, 1.0)) == frames).all()
    assert mixed(frames, (0, 0, 0.5))[0].tolist() == [16384, -16384, 15000, 2]


def test_too_much_is_bent_and_never_wraps() -> None:
    frames = np.array([[32767] * 4, [32767] * 4, [-32768] * 4, [-32768] * 4], np.int16)
    out = mixed(frames, (0, 0, 1.0), (0, 1, 1.0), (1, 2, 1.0), (1, 3, 1.0), (2, 0, 4.0))
    assert (out[[0, 2]] > 32_000).all()
    assert (out[1] < -32_000).all()


def test_two_tones_of_a_conference_come_out_clean() -> None:
    frames = np.stack([tone(440, 1, 8000), tone(700, 1, 8000)])
    out = mixed(frames, (0, 0, 1.0), (0, 1, 1.0))[0]
    assert abs(level_of(out, 8000, 440) + 10) < 0.1
    assert residue_of(out - frames[1], 8000, 440) < -60


def test_the_bend_has_no_corner_and_keeps_order() -> None:
    values = np.linspace(-90_000, 90_000, 20_001, dtype=np.float32)
    bent = soft_clip(values)
    assert (np.diff(bent) >= 0).all()
    assert np.abs(bent).max() <= FULL_SCALE
    low = np.abs(values) <= KNEE
    assert (bent[low] == values[low]).all()
    assert np.abs(np.diff(bent, 2)).max() < 0.2


def test_nothing_to_mix() -> None:
    assert mixed(np.zeros((2, 160), np.int16)).shape == (0, 160)
