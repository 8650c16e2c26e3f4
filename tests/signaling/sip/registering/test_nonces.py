import random

import pytest

from signaling.sip.registering.nonces import Nonces, Visit


def at(now: float) -> Visit:
    return Visit("a", now)


def test_what_is_forgotten_is_used_up() -> None:
    nonces = Nonces(bytes(32), 300.0, 2)
    made = [nonces.make(at(now)) for now in range(4)]
    assert [nonces.use(nonce, 1, at(4)) for nonce in made[1:]] == [True, True, True]
    assert not nonces.use(made[1], 2, at(4))
    assert not nonces.use(made[0], 1, at(4))
    assert nonces.use(made[2], 2, at(4)) and nonces.use(made[3], 2, at(4))


def test_expired_ones_make_room() -> None:
    nonces = Nonces(bytes(32), 10.0, 2)
    for now in range(0, 100, 6):
        assert nonces.use(nonces.make(at(now)), 1, at(now))
    early, late = nonces.make(at(200)), nonces.make(at(201))
    assert nonces.use(late, 1, at(202)) and nonces.use(early, 1, at(202))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Nonces(b"short", 1.0, 1)


@pytest.mark.parametrize("seed", range(20))
def test_no_use_is_granted_twice_whatever_the_order(seed: int) -> None:
    """Requests that are lost, doubled and reordered on the way: each nonce and count passes once at most."""
    rng = random.Random(seed)
    nonces = Nonces(bytes(32), 30.0, 8)
    sent: list[tuple[str, int]] = []
    granted: set[tuple[str, int]] = set()
    now = 0.0
    for _ in range(400):
        now += rng.random()
        if not sent or rng.random() < 0.2:
            sent.append((nonces.make(at(now)), 1))
        elif rng.random() < 0.4:
            nonce, count = sent[-1]
            sent.append((nonce, count + 1))
        use = rng.choice(sent[-12:])
        if rng.random() < 0.8 and nonces.use(*use, at(now)):
            assert use not in granted
            granted.add(use)
    assert len(granted) > 50
