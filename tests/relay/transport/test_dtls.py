"""The contract with aiortc's private names: two of ours, back to back, exchange keys."""

import asyncio
import random
from collections.abc import Callable

from relay.offers.audio import Fingerprint
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.dtls import CLOSED, FAILED, Dtls, new_certificate
from relay.transport.srtp import Srtp

PACKET = serialize(RtpPacket(0, False, 1, 1, 160, b"sound"))


class End:
    """One side; `wire` delivers to the other."""

    def __init__(self) -> None:
        self.certificate, said = new_certificate()
        self.fingerprint = Fingerprint(*said.split(" "))
        self.keys: asyncio.Future[Srtp] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.dtls: Dtls | None = None

    def connect(self, other: "End", theirs: Fingerprint, lossy: Callable[[bytes], bool] = lambda data: False) -> None:
        def send(data: bytes) -> None:
            if other.dtls is not None and not lossy(data):
                other.dtls.receive(data)

        self.dtls = Dtls(self.certificate, [theirs], send, self.keys.set_result, self.ended.set_result)

    def start(self, active: bool) -> None:
        assert self.dtls is not None
        self.dtls.start(active)

    def close(self) -> None:
        assert self.dtls is not None
        self.dtls.close()


async def test_both_sides_get_keys_that_fit_and_learn_of_the_end() -> None:
    active, passive = End(), End()
    active.connect(passive, passive.fingerprint)
    passive.connect(active, active.fingerprint)
    passive.start(active=False)
    active.start(active=True)
    here, there = await asyncio.wait_for(asyncio.gather(active.keys, passive.keys), 5)
    assert there.unprotect(here.protect(PACKET)) == PACKET
    assert here.unprotect(there.protect(PACKET)) == PACKET
    active.close()
    assert await asyncio.wait_for(passive.ended, 5) == CLOSED
    assert not active.ended.done()
    passive.close()


async def test_another_certificate_than_signalled_fails() -> None:
    active, passive, stranger = End(), End(), End()
    active.connect(passive, passive.fingerprint)
    passive.connect(active, stranger.fingerprint)
    passive.start(active=False)
    active.start(active=True)
    assert await asyncio.wait_for(passive.ended, 5) == FAILED
    assert not passive.keys.done()
    active.close()
    await asyncio.wait_for(active.keys, 5)


async def test_a_lost_flight_is_sent_again() -> None:
    lost: list[bytes] = []

    def lose_first(data: bytes) -> bool:
        lost.append(data)
        return len(lost) == 1

    active, passive = End(), End()
    active.connect(passive, passive.fingerprint, lose_first)
    passive.connect(active, active.fingerprint)
    passive.start(active=False)
    active.start(active=True)
    await asyncio.wait_for(asyncio.gather(active.keys, passive.keys), 8)
    active.close()
    await asyncio.wait_for(passive.ended, 5)


async def test_garbage_waits_in_no_unbounded_queue() -> None:
    end = End()
    end.connect(End(), end.fingerprint)
    assert end.dtls is not None
    taken = [end.dtls.receive(b"\x16" + bytes(50)) for _ in range(200)]
    assert taken[0]
    assert not taken[-1]


async def test_garbage_amid_the_handshake_ends_nothing_but_itself() -> None:
    chance = random.Random(3)
    active, passive = End(), End()
    active.connect(passive, passive.fingerprint)
    passive.connect(active, active.fingerprint)
    passive.start(active=False)
    assert passive.dtls is not None
    for size in (0, 5, 11, 12, 13, 40, 200, 1400):
        passive.dtls.receive(b"\x16\xfe\xfd" + chance.randbytes(size))
        passive.dtls.receive(bytes([chance.randrange(20, 64)]) + chance.randbytes(size + 1))
    active.start(active=True)
    await asyncio.wait_for(asyncio.gather(active.keys, passive.keys), 8)
    passive.dtls.receive(b"\x17\xfe\xfd" + chance.randbytes(60))
    active.close()
    assert await asyncio.wait_for(passive.ended, 5) == CLOSED
