import socket
from pathlib import Path

import msgspec
import pytest

from signaling.config import Config, Ports, Server
from signaling.errors import PortError
from signaling.node.ports import check_ports, with_ports_of
from signaling.node.ready import Addresses


def test_a_taken_port_is_named_with_its_key() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=rf"127\.0\.0\.1:{port} \(TCP\).*ports\.softphone"):
            check_ports(Config(ports=Ports(http=0, softphone=port, sip=0, sip_tls=0, ice=0)), workers=2)


def test_free_ports_pass_and_stay_free() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    check_ports(Config(ports=Ports(http=0, softphone=0, sip=0, sip_tls=0, ice=port)), workers=1)
    with socket.socket(type=socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))


def test_the_browsers_port_of_every_worker_is_looked_at() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        config = Config(ports=Ports(http=0, softphone=0, sip=0, sip_tls=0, ice=port - 1))
        with pytest.raises(PortError, match=rf":{port} \(UDP\).*ports\.ice"):
            check_ports(config, workers=2)


def test_an_address_of_another_machine_is_named() -> None:
    config = Config(server=Server(address="192.0.2.1"), ports=Ports(http=0, softphone=0, sip=0, sip_tls=0, ice=0))
    with pytest.raises(PortError, match=r"192\.0\.2\.1.*set server\.address"):
        check_ports(config, workers=1)


def test_ports_by_chance_are_the_same_again(tmp_path: Path) -> None:
    addresses = tmp_path / "addresses.json"
    config = msgspec.structs.replace(Config(), ports=Ports(http=0, softphone=0, sip_tls=7001))
    assert with_ports_of(config, addresses) == config
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        addresses.write_bytes(msgspec.json.encode(Addresses("127.0.0.1", *ports, 7002, 7003)))
        found = with_ports_of(config, addresses).ports
    assert (found.http, found.softphone, found.sip_tls) == (0, ports[1], 7001)
