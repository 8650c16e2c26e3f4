"""The configuration: one TOML file, every key with a default that works. Pure: text in, values out.

[server]    address, public_address, data, log_level, origins
[ports]     http, softphone, sip, sip_tls, rtp, ice
[relay]     workers, orphan_seconds
[tls]       certificate, key
[sip]       strangers
[keys]      service, key, endpoint, mount, token_file, ca_file, region, credentials
[storage]   bucket, prefix, region, endpoint, credentials, encryption, kms_key, lock, retention_days, tags
[speech]    engine, voice, program
[metrics]   token
"""

import ipaddress
import tomllib
from typing import Literal

import msgspec

from recorder.api import Storage, check_storage
from signaling.errors import ConfigError
from signaling.media.voices import Speaking, check_speaking
from vault.services import Keys, check_keys

MIN_TOKEN = 16


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = "127.0.0.1"
    """Where SIP, HTTP, softphones and media are listened on."""
    public_address: str = ""
    """What is written into SDP and Contact; empty: the same as `address`."""
    data: str = "data"
    """The directory that holds everything."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    origins: tuple[str, ...] = ()
    """Web origins, besides the console's own, whose pages may open softphone sessions."""


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """0 means any free port."""

    http: int = 8443
    softphone: int = 8444
    sip: int = 5060
    """UDP and TCP."""
    sip_tls: int = 5061
    rtp: tuple[int, int] = (20000, 23999)
    """First and last port of RTP legs, shared out among the workers."""
    ice: int = 24000
    """The first worker's port for browser legs; each further worker has the next one."""


class Relay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    workers: int = 0
    """0: one a core."""
    orphan_seconds: float = 30.0
    """How long media goes on while the control plane is away."""


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Empty: a self-signed certificate is made at the first start."""

    certificate: str = ""
    key: str = ""


class Sip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    strangers: Literal["refuse", "ignore"] = "refuse"
    """Who is no trunk gets one 403 a second, or nothing at all."""
    digest: tuple[Literal["SHA-256", "MD5"], ...] = ("SHA-256", "MD5")
    """What phones that register may answer challenges with."""


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str = ""
    """Whoever asks for /metrics from another machine has to show it; empty: nobody may."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: Server = Server()
    ports: Ports = Ports()
    relay: Relay = Relay()
    tls: Tls = Tls()
    sip: Sip = Sip()
    keys: Keys = Keys()
    storage: Storage = Storage()
    """Of the instances that do not say otherwise."""
    speech: Speaking = Speaking()
    metrics: Metrics = Metrics()

    @property
    def public_address(self) -> str:
        return self.server.public_address or self.server.address


def parse_config(text: str) -> Config:
    """The configuration in a TOML text. Raises ConfigError that names the key."""
    try:
        config = msgspec.convert(tomllib.loads(text), Config, strict=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"the configuration cannot be used: {error}") from None
    _check(config)
    return config


def _check(config: Config) -> None:
    for name in ("address", "public_address"):
        value = getattr(config.server, name)
        try:
            if value:
                ipaddress.ip_address(value)
        except ValueError:
            raise ConfigError(f"server.{name}: {value!r} is not an IP address") from None
    for name in ("http", "softphone", "sip", "sip_tls", "ice"):
        if not 0 <= getattr(config.ports, name) <= 65535:
            raise ConfigError(f"ports.{name}: must be between 0 and 65535")
    first, last = config.ports.rtp
    if not 1024 <= first < last <= 65535:
        raise ConfigError("ports.rtp: must be two ports, the lower first, between 1024 and 65535")
    if config.relay.workers < 0 or config.relay.orphan_seconds < 0:
        raise ConfigError("relay.workers and relay.orphan_seconds must not be negative")
    try:
        check_keys(config.keys)
    except ValueError as error:
        raise ConfigError(f"keys: {error}") from None
    try:
        check_storage(config.storage)
    except ValueError as error:
        raise ConfigError(f"storage: {error}") from None
    try:
        check_speaking(config.speech)
    except ValueError as error:
        raise ConfigError(f"speech: {error}") from None
    if not config.sip.digest:
        raise ConfigError("sip.digest: name SHA-256, MD5 or both")
    if config.metrics.token and len(config.metrics.token) < MIN_TOKEN:
        raise ConfigError(f"metrics.token: must have {MIN_TOKEN} characters at least")
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise ConfigError("tls.certificate and tls.key: give both or neither")
