import socket

from relay.transport.socket_filter import drop_longer

LIMIT = 2048


def test_only_datagrams_up_to_the_limit_come_in() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        drop_longer(receiver, LIMIT)
        for size in (60_000, LIMIT + 1, LIMIT, 1, 0):
            sender.sendto(bytes(size), receiver.getsockname())
        assert [len(receiver.recv(65536)) for _ in range(3)] == [LIMIT, 1, 0]


def test_long_datagrams_do_not_crowd_out_the_others() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        drop_longer(receiver, LIMIT)
        for number in range(40):
            sender.sendto(bytes(60_000), receiver.getsockname())
            sender.sendto(bytes([number]) * 172, receiver.getsockname())
        assert [receiver.recv(65536)[0] for _ in range(40)] == list(range(40))
