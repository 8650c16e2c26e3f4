import pytest

from signaling.config import Config, parse_config
from signaling.errors import ConfigError


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse_config("") == Config()
    assert Config().public_address == "127.0.0.1"


def test_values_are_taken() -> None:
    config = parse_config(
        '[server]\naddress = "0.0.0.0"\npublic_address = "192.0.2.7"\n[ports]\nhttp = 443\nrtp = [30000, 30999]\n'
    )
    assert config.public_address == "192.0.2.7"
    assert config.ports.rtp == (30000, 30999)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[ports", "cannot be used"),
        ("[ports]\nhtpp = 1", "htpp"),
        ('[ports]\nhttp = "x"', "ports.http"),
        ("[ports]\nhttp = 70000", "ports.http"),
        ("[ports]\nrtp = [3000, 2000]", "ports.rtp"),
        ('[server]\naddress = "everywhere"', "server.address"),
        ("[relay]\nworkers = -1", "relay.workers"),
        ('[metrics]\ntoken = "short"', "metrics.token"),
        ('[speech]\nengine = "piper"', "speech: piper needs"),
        ('[tls]\nkey = "a.pem"', "tls.certificate"),
        ('[server]\nlog_level = "loud"', "log_level"),
        ('[sip]\nstrangers = "greet"', "strangers"),
        ('[storage]\nbucket = "No Bucket"', "storage: bucket"),
        ('[keys]\nservice = "aws"', "keys: service 'aws' needs a key"),
    ],
)
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_config(text)
