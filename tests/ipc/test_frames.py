import random

import pytest

from ipc.frames import LENGTH, MAX_FRAME, FrameError, FrameReader, frame


@pytest.mark.parametrize("seed", range(20))
def test_frames_survive_any_cutting(seed: int) -> None:
    rng = random.Random(seed)
    payloads = [rng.randbytes(rng.choice([0, 1, 7, 5000])) for _ in range(20)]
    stream = b"".join(frame(payload) for payload in payloads)
    reader, found = FrameReader(), []
    while stream:
        size = rng.randint(1, 3000)
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads


def test_a_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(LENGTH.pack(MAX_FRAME + 1))
    with pytest.raises(FrameError):
        frame(bytes(MAX_FRAME + 1))
