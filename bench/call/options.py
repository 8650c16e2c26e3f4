"""What the command line of `telephonist call` asks for, checked before anything is sent."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.call.caller import CallerConfig
from bench.call.codecs import CODECS
from bench.call.dtmf import DIGITS
from bench.call.errors import BadArgument
from bench.call.negotiation import Srtp, Terms
from bench.call.sounds import Source, file, silence, tone, voice
from bench.call.wire import Target
from signaling.sip.flow import Transport

PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}


@dataclass(frozen=True)
class Options:
    number: str
    server: str = "127.0.0.1"
    transport: Transport = "udp"
    srtp: Srtp | None = None
    codec: tuple[str, ...] = ()
    play: Path | None = None
    once: bool = False
    hertz: float | None = None
    speak: bool = False
    mute: bool = False
    record: Path | None = None
    dtmf: str = ""
    seconds: float = 30.0
    ring: float = 60.0
    caller: str = "+15550199"
    late_offer: bool = False
    ca: Path | None = None
    insecure: bool = False
    as_json: bool = False


def read_config(options: Options) -> CallerConfig:
    """Raises BadArgument."""
    _check_digits(options.dtmf)
    _check_record(options.record)
    return CallerConfig(
        number=options.number.removeprefix("sip:"),
        target=_read_target(options),
        terms=Terms(options.codec or tuple(CODECS), options.srtp or ("sdes" if options.transport == "tls" else "off")),
        sound=_choose_sound(options),
        caller=options.caller,
        ring_seconds=options.ring,
        late_offer=options.late_offer,
    )


def _read_target(options: Options) -> Target:
    host, port = _split(options.server, PORTS[options.transport])
    if options.transport != "tls":
        if options.ca or options.insecure:
            raise BadArgument("--ca and --insecure are for TLS: add --transport tls")
        return Target(host, port, options.transport)
    return Target(host, port, "tls", _make_tls(options))


def _split(server: str, port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPv6] or [IPv6]:PORT; a bare IPv6 address too."""
    host, colon, number = server.rpartition(":")
    if not colon or server.endswith("]") or (":" in host and not host.endswith("]")):
        return server.strip("[]"), port
    if not host or not number.isdecimal() or not 0 < int(number) < 65536:
        raise BadArgument(f"--server {server} is not HOST:PORT")
    return host.strip("[]"), int(number)


def _make_tls(options: Options) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if options.ca is None else str(options.ca))
    except (OSError, ssl.SSLError):
        raise BadArgument(f"--ca {options.ca} is not a readable file with certificates in PEM form") from None
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _choose_sound(options: Options) -> Callable[[int], Source]:
    chosen = [options.play is not None, options.hertz is not None, options.speak, options.mute]
    if sum(chosen) > 1:
        raise BadArgument("choose one of --play, --tone, --voice and --mute")
    if options.play is not None:
        return file(options.play, loop=not options.once)
    if options.hertz is not None:
        return tone(options.hertz)
    return silence if options.mute else voice


def _check_digits(digits: str) -> None:
    wrong = "".join(sorted({digit for digit in digits.upper() if digit not in DIGITS}))
    if wrong:
        raise BadArgument(f"--dtmf cannot send {wrong}: use 0-9 * # A-D")


def _check_record(path: Path | None) -> None:
    """Now, and not when the call is over and its sound would be lost."""
    if path is None:
        return
    if path.suffix.lower() != ".wav":
        raise BadArgument(f"--record {path}: the name must end in .wav")
    try:
        path.open("wb").close()
    except OSError as error:
        raise BadArgument(f"--record {path} cannot be written: {error.strerror}") from None
