import time

import numpy as np

from bench.load.batches import RING, Batch, BatchSocket

HERE = "127.0.0.1"


def test_a_batch_reaches_every_address_in_order() -> None:
    senders, receiver = [BatchSocket(HERE, 64) for _ in range(2)], BatchSocket(HERE, 64)
    try:
        data = np.arange(3 * 64, dtype=np.uint8).reshape(3, 64)
        batch = Batch([receiver.address] * 3)
        batch.point(data, np.array([10, 20, 30]))
        before = time.time_ns()
        assert senders[0].send(batch, 0, 2) == 2
        assert senders[1].send(batch, 2, 3) == 1
        arrived = receiver.receive()
        assert arrived is not None
        assert arrived.sizes.tolist() == [10, 20, 30]
        assert arrived.ports.tolist() == [senders[at].address[1] for at in (0, 0, 1)]
        for row, size in enumerate((10, 20, 30)):
            assert arrived.data[row, :size].tolist() == data[row, :size].tolist()
        assert ((arrived.at_ns >= before) & (arrived.at_ns <= time.time_ns())).all()
        assert receiver.receive() is None
        assert receiver.dropped == 0
    finally:
        for sock in (*senders, receiver):
            sock.close()


def test_what_is_longer_than_a_row_is_cut_and_more_than_the_ring_waits() -> None:
    sender, receiver = BatchSocket(HERE, 64), BatchSocket(HERE, 16)
    try:
        batch = Batch([receiver.address] * (RING + 1))
        batch.point(np.zeros((RING + 1, 40), np.uint8), np.full(RING + 1, 40))
        assert sender.send(batch, 0, RING + 1) == RING + 1
        arrived = receiver.receive()
        assert arrived is not None
        assert len(arrived.sizes) == RING
        assert (arrived.sizes == 16).all()
        rest = receiver.receive()
        assert rest is not None
        assert len(rest.sizes) == 1
    finally:
        sender.close()
        receiver.close()
