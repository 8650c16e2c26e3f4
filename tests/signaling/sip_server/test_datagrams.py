"""The socket of SIP over UDP, which outlives whoever reads it."""

import asyncio
import contextlib
import os
import socket

import msgspec
import pytest

from ipc.process import SOCKET_FD, given_socket
from signaling.config import Config, Ports
from signaling.errors import PortError
from signaling.sip.config import SipConfig
from signaling.sip_server.datagrams import SIP_SOCKET, bind_sip
from signaling.sip_server.sip_io import SipServer

OPTIONS = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@x.test>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


def config(port: int = 0) -> Config:
    return msgspec.structs.replace(Config(), ports=Ports(sip=port))


def test_any_port_is_one_that_is_free_for_tcp_too() -> None:
    with contextlib.closing(bind_sip(config())) as datagrams:
        where = datagrams.getsockname()
        with contextlib.closing(socket.create_server(where)) as stream:
            assert stream.getsockname() == where


def test_a_port_that_is_taken_is_told_with_its_key() -> None:
    with contextlib.closing(bind_sip(config())) as taken, pytest.raises(PortError, match=r"set ports\.sip"):
        bind_sip(config(taken.getsockname()[1]))


def test_no_socket_is_given_where_nobody_holds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOCKET_FD.format(name=SIP_SOCKET), raising=False)
    assert given_socket(SIP_SOCKET) is None


async def test_what_came_while_nobody_read_is_answered_by_the_next_who_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(bind_sip(config())) as held, contextlib.closing(peer()) as phone:
        first = await server(held, monkeypatch)
        await first.close()
        phone.sendto(OPTIONS % phone.getsockname()[1], held.getsockname())
        again = await server(held, monkeypatch)
        async with asyncio.timeout(5):
            answer = await asyncio.get_running_loop().sock_recv(phone, 4096)
        assert answer.startswith(b"SIP/2.0 200")
        await again.close()


def peer() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


async def server(held: socket.socket, monkeypatch: pytest.MonkeyPatch) -> SipServer:
    monkeypatch.setenv(SOCKET_FD.format(name=SIP_SOCKET), str(os.dup(held.fileno())))
    made = SipServer(SipConfig(), lambda flow: "carrier", lambda event: None, datagrams=given_socket(SIP_SOCKET))
    bound = await made.start("127.0.0.1", 0)
    assert (bound.udp, bound.tcp) == (held.getsockname()[1],) * 2
    return made
