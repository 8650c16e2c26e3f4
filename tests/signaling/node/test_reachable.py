import ipaddress

from signaling.config import Config, parse_config
from signaling.errors import ConfigError
from signaling.node.reachable import with_public_address


def test_a_given_address_stays() -> None:
    for text in ("", '[server]\naddress = "192.0.2.7"', '[server]\naddress = "0.0.0.0"\npublic_address = "192.0.2.8"'):
        config = parse_config(text)
        assert with_public_address(config) == config
    assert with_public_address(Config()).public_address == "127.0.0.1"


def test_every_address_becomes_the_one_of_the_route_or_a_clear_error() -> None:
    try:
        found = with_public_address(parse_config('[server]\naddress = "0.0.0.0"'))
    except ConfigError as error:
        assert "server.public_address" in str(error)
    else:
        assert not ipaddress.ip_address(found.public_address).is_unspecified
