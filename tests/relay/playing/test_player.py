import numpy as np
import pytest

from relay.playing.player import Player


def test_it_gives_all_of_it_once_and_then_silence() -> None:
    samples = np.arange(1, 401, dtype=np.int16)
    player = Player(samples, 8000, loop=False)
    frames = []
    while not player.ended:
        frames.append(player.frame())
    assert len(frames) == 3
    assert np.concatenate(frames)[:400].tolist() == samples.tolist()
    assert not frames[-1][80:].any()
    assert not player.frame().any()


@pytest.mark.parametrize("length", [1, 7, 159, 160, 161, 1000])
def test_a_loop_has_no_gap(length: int) -> None:
    samples = np.arange(1, length + 1, dtype=np.int16)
    player = Player(samples, 8000, loop=True)
    sound = np.concatenate([player.frame() for _ in range(20)])
    assert sound.tolist() == np.resize(samples, 3200).tolist()
    assert not player.ended


@pytest.mark.parametrize("loop", [True, False])
def test_nothing_has_ended_before_it_begins(loop: bool) -> None:
    player = Player(np.zeros(0, np.int16), 16000, loop)
    assert player.ended
    assert len(player.frame()) == 320


def test_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        Player(np.zeros(9, np.int16), 44_100, loop=False)
