"""What can be said of the peers without having them: they are installed for measurements only."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.call.codecs import OPUS, PCMU
from bench.call.sdp import Audio, Description, parse_sdp
from bench.call.srtp import make_crypto
from bench.load.targets import janus
from bench.load.targets.bencode import decode, encode
from bench.load.targets.janus import Janus
from bench.load.targets.peer_process import PeerProcess, free_port, require
from bench.load.targets.rtpengine import Rtpengine, connect_call, open_control
from bench.load.work import make_work

HERE = ("127.0.0.1", 40000)


class Proxy(asyncio.DatagramProtocol):
    """Answers the NG protocol as rtpengine does: gives each side a port and, where asked, a key."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []
        self._offered: Audio | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        cookie, _, body = data.partition(b" ")
        command = decode(body)
        self.commands.append(command)
        self.transport.sendto(cookie + b" " + encode({"result": "ok", "sdp": self._sdp(command)}), addr)

    def _sdp(self, command: dict[str, Any]) -> str:
        if command["command"] == "offer":
            self._offered = parse_sdp(command["sdp"])
            keys = (make_crypto(),) if command["transport-protocol"] == "RTP/SAVP" else ()
            codec = OPUS if "codec" in command else PCMU
            return str(Description(1, "127.0.0.1", 30000, (codec,), keys, payload_types=((codec.name, 96),)))
        assert self._offered is not None
        return str(Description(1, "127.0.0.1", 30002, (PCMU,), (make_crypto(),) if self._offered.encrypted else ()))


async def call(kind: str) -> tuple[Proxy, Any]:
    transport, proxy = await asyncio.get_running_loop().create_datagram_endpoint(Proxy, local_addr=("127.0.0.1", 0))
    control = await open_control(transport.get_extra_info("sockname"))
    try:
        return proxy, await connect_call(control, make_work(kind, 2).legs, HERE)
    finally:
        control.close()
        transport.close()


async def test_a_call_from_srtp_to_rtp_is_offered_and_answered() -> None:
    proxy, (caller, callee) = await call("srtp-rtp")
    offer, answer = proxy.commands
    assert offer["transport-protocol"] == "RTP/AVP"
    assert "codec" not in offer
    assert (answer["from-tag"], answer["to-tag"]) == (offer["from-tag"], "leg-1")
    assert caller.cipher is not None
    assert callee.cipher is None
    assert (caller.remote[1], callee.remote[1]) == (30002, 30000)


async def test_a_call_from_pcmu_to_opus_is_transcoded_under_the_payload_type_of_the_offer() -> None:
    proxy, (caller, callee) = await call("pcmu-opus")
    assert proxy.commands[0]["codec"] == {"mask": ["PCMU"], "transcode": ["opus"]}
    assert (caller.payload_type, callee.payload_type) == (0, 96)


async def test_nobody_at_the_control_port_is_an_error() -> None:
    control = await open_control(("127.0.0.1", free_port(socket.SOCK_DGRAM)))
    try:
        with pytest.raises(OSError, match="refused"):
            await control.ask({"command": "ping"})
    finally:
        control.close()


def test_rtpengine_mixes_nothing_and_janus_has_no_srtp() -> None:
    with pytest.raises(ValueError, match="mixes nothing"):
        Rtpengine().accepts(make_work("pcmu-room"))
    assert not any(leg.srtp for leg in Janus().accepts(make_work("pcmu-room")).legs)


def test_janus_keeps_its_packaged_settings_but_for_ports_and_other_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged, libraries, made = (tmp_path / name for name in ("packaged", "lib", "made"))
    for folder in (packaged, libraries, made):
        folder.mkdir()
    for name in ("libjanus_audiobridge.so", "libjanus_sip.so"):
        (libraries / name).touch()
    (packaged / "janus.jcfg").write_text(
        f'general: {{\n\tplugins_folder = "{libraries}"\n\tdebug_level = 4\n}}\nplugins: {{\n}}\n'
    )
    monkeypatch.setattr(janus, "PACKAGED", packaged)
    janus.configure(made, 8123)
    general = (made / "janus.jcfg").read_text()
    assert "debug_level = 4" in general
    assert 'disable = "libjanus_sip.so"' in general
    assert "port = 8123" in (made / "janus.transport.http.jcfg").read_text()


def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(RuntimeError, match="scripts/install bench"):
        require("no-such-program")


async def test_a_process_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    process = PeerProcess([sys.executable, "-c", "raise SystemExit('no port')"], tmp_path / "log")

    async def refuse() -> None:
        raise ConnectionRefusedError

    with pytest.raises(RuntimeError, match="no port"):
        await process.start(refuse)
