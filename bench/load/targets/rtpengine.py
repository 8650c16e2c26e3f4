"""rtpengine in userspace, over its NG protocol (bencoded dictionaries in UDP): a call of two legs is an offer and an
answer, as a SIP proxy would make them.

The settings are the packaged ones but for the addresses, the ports and `table = -1`: no kernel module."""

import asyncio
import contextlib
import re
import secrets
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.call.codecs import CODECS
from bench.call.sdp import Audio, Description, parse_sdp
from bench.call.srtp import Cipher, CryptoLine, make_crypto
from bench.load.batches import Address
from bench.load.script import Line
from bench.load.targets.bencode import decode, encode
from bench.load.targets.peer_process import PeerProcess, free_port, printed, require
from bench.load.work import Leg, Work

_REPLY_SECONDS = 5.0


class Rtpengine:
    name = "rtpengine"

    def __init__(self) -> None:
        self.version = ""
        self._stack = contextlib.AsyncExitStack()
        self._process: PeerProcess | None = None
        self._control: Control | None = None

    async def __aenter__(self) -> "Rtpengine":
        """Raises RuntimeError when it is not installed or does not start."""
        program = require("rtpengine")
        self.version = _version(await printed(program, "--version"))
        port = free_port(socket.SOCK_DGRAM)
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tp-rtpengine-")))
            self._process = PeerProcess([*_command(program, port), *self._more(folder)], folder / "log")
            self._stack.push_async_callback(self._process.end)
            self._control = await open_control(("127.0.0.1", port))
            self._stack.callback(self._control.close)
            await self._process.start(self._control.ping)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    @property
    def pids(self) -> list[int]:
        assert self._process is not None, "only within `async with`"
        return [self._process.pid]

    def accepts(self, work: Work) -> Work:
        if any(len(legs) != 2 for legs in work.rooms.values()):
            raise ValueError("rtpengine relays calls of two, and mixes nothing")
        return work

    async def connect(self, work: Work, at: Address) -> list[Line]:
        return [line for legs in work.rooms.values() for line in await connect_call(self._proxy, legs, at)]

    def _more(self, folder: Path) -> list[str]:
        """Further options of its command line."""
        return []

    async def disconnect(self, work: Work) -> None:
        for caller, _ in work.rooms.values():
            await _sdp(self._proxy, {"command": "delete", **_names(caller)})

    @property
    def _proxy(self) -> "Control":
        assert self._control is not None, "only within `async with`"
        return self._control


class RecordingRtpengine(Rtpengine):
    """It writes both legs of every call into a PCAP file."""

    name = "rtpengine-recording"

    async def connect(self, work: Work, at: Address) -> list[Line]:
        lines = await super().connect(work, at)
        for caller, _ in work.rooms.values():
            reply = await self._proxy.ask({"command": "start recording", **_names(caller)})
            if reply.get("result") != "ok":
                raise RuntimeError(f"rtpengine does not record: {reply.get('error-reason', reply)}")
        return lines

    def _more(self, folder: Path) -> list[str]:
        return ["--recording-method=pcap", f"--recording-dir={folder / 'recordings'}"]


async def connect_call(control: "Control", legs: Sequence[Leg], at: Address) -> tuple[Line, Line]:
    """Offer and answer of two legs. Raises RuntimeError with what was refused."""
    caller, callee = legs
    mine, theirs = _Party(caller, at), _Party(callee, at)
    offer = {"command": "offer", **_names(caller), **_terms(caller, callee), "sdp": mine.description()}
    heard = parse_sdp(await _sdp(control, offer))
    answer = {"command": "answer", **_names(caller), "to-tag": _tag(callee), "ICE": "remove"}
    said = parse_sdp(await _sdp(control, {**answer, "sdp": theirs.description(heard)}))
    return mine.line(said), theirs.line(heard)


async def _sdp(control: "Control", command: dict[str, Any]) -> str:
    reply = await control.ask(command)
    if reply.get("result") != "ok":
        raise RuntimeError(f"rtpengine refuses {command['command']}: {reply.get('error-reason', reply)}")
    return str(reply.get("sdp", ""))


class _Party:
    def __init__(self, leg: Leg, at: Address) -> None:
        self._leg = leg
        self._at = at
        self._key: CryptoLine | None = make_crypto() if leg.srtp else None

    def description(self, heard: Audio | None = None) -> str:
        """Our offer, or our answer to what was heard, under its payload type and the tag of its key."""
        codec = CODECS[self._leg.codec]
        chosen = heard.choose((codec.name,)) if heard is not None else None
        numbers = ((codec.name, chosen[1]),) if chosen is not None else ()
        if heard is not None and self._key is not None:
            self._key = make_crypto(next(one.tag for one in heard.crypto if one.suite == self._key.suite))
        keys = (self._key,) if self._key is not None else ()
        return str(Description(self._leg.number + 1, *self._at, (codec,), keys, payload_types=numbers))

    def line(self, peer: Audio) -> Line:
        """Raises RuntimeError when the codec or the key is not in the peer's description."""
        chosen = peer.choose((self._leg.codec,))
        theirs = next((one for one in peer.crypto if self._key is not None and one.suite == self._key.suite), None)
        if chosen is None or (self._key is None) != (theirs is None):
            raise RuntimeError("rtpengine takes no such codec or key")
        cipher = Cipher.of_sdes(self._key, theirs) if self._key is not None and theirs is not None else None
        return Line(self._leg, (peer.address, peer.port), chosen[1], cipher)


class Control(asyncio.DatagramProtocol):
    """A cookie, a blank, a dictionary; the reply has the same cookie."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[dict[str, Any]]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        cookie, _, body = data.partition(b" ")
        waiting = self._waiting.get(cookie)
        if waiting is not None and not waiting.done():
            reply = decode(body)
            waiting.set_result(reply if isinstance(reply, dict) else {})

    def error_received(self, error: Exception) -> None:
        """Nobody listens there (yet): whoever waits is told."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionRefusedError(str(error)))

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Raises OSError when nobody answers."""
        cookie = secrets.token_hex(8).encode()
        waiting = self._waiting[cookie] = asyncio.get_running_loop().create_future()
        assert self._transport is not None, "made by `open`"
        try:
            self._transport.sendto(cookie + b" " + encode(command))
            return await asyncio.wait_for(waiting, _REPLY_SECONDS)
        finally:
            del self._waiting[cookie]

    async def ping(self) -> None:
        await self.ask({"command": "ping"})

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_control(to: Address) -> Control:
    _, made = await asyncio.get_running_loop().create_datagram_endpoint(Control, remote_addr=to)
    return made


def _command(program: str, port: int) -> list[str]:
    return [
        program, "--config-file=none", "--table=-1", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{port}",
        "--timeout=60", "--silent-timeout=3600", "--tos=184", "--port-min=30000", "--port-max=40000",
        "--foreground", "--log-stderr", "--no-log-timestamps",
    ]  # fmt: skip


def _names(caller: Leg) -> dict[str, str]:
    return {"call-id": f"call-{caller.room}", "from-tag": _tag(caller)}


def _tag(leg: Leg) -> str:
    return f"leg-{leg.number}"


def _terms(caller: Leg, callee: Leg) -> dict[str, Any]:
    """What the callee shall be offered."""
    terms: dict[str, Any] = {"transport-protocol": "RTP/SAVP" if callee.srtp else "RTP/AVP", "ICE": "remove"}
    if callee.srtp:
        terms["DTLS"] = "off"
    if caller.codec != callee.codec:
        terms["codec"] = {"mask": [caller.codec], "transcode": [callee.codec]}
    return terms


def _version(said: str) -> str:
    found = re.search(r"\d+\.\d+\.\d+[.\d]*", said)
    return found[0] if found else "unknown"
