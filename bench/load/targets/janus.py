"""Janus and its AudioBridge, over its HTTP interface: every leg joins its room as a plain RTP participant.

The configuration is the packaged one but for the addresses and ports: everything on the loopback interface, and no
other plugin or transport than the two that are used."""

import asyncio
import contextlib
import re
import secrets
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from bench.call.codecs import CODECS
from bench.load.batches import Address
from bench.load.script import Line
from bench.load.targets.peer_process import PeerProcess, free_port, printed, require
from bench.load.work import Leg, Work

PACKAGED = Path("/etc/janus")
_PLUGIN = "libjanus_audiobridge.so"
_TRANSPORT = "libjanus_http.so"
_REPLY_SECONDS = 10.0
_RATES = {"PCMU": 8000, "opus": 16000}
"""Of the rooms: the lowest that carries all that the codec does here; 16000 is the packaged room's."""
_PORTS = "50000-59998"
_CONFIGURATION = """general: {{
	json = "compact"
	base_path = "/janus"
	http = true
	ip = "127.0.0.1"
	port = {port}
	https = false
}}
admin: {{
	admin_http = false
	admin_https = false
}}
"""
_ROOMS = f"""general: {{
	rtp_port_range = "{_PORTS}"
	local_ip = "127.0.0.1"
}}
"""


class Janus:
    name = "janus"

    def __init__(self) -> None:
        self.version = ""
        self._stack = contextlib.AsyncExitStack()
        self._process: PeerProcess | None = None
        self._session: _Session | None = None

    async def __aenter__(self) -> "Janus":
        """Raises RuntimeError when it is not installed or does not start."""
        program = require("janus")
        self.version = _version(await printed(program, "--version"))
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tp-janus-")))
            port = free_port(socket.SOCK_STREAM)
            configure(folder, port)
            command = [program, "--configs-folder", str(folder), "--interface", "127.0.0.1"]
            self._process = PeerProcess(command, folder / "log")
            self._stack.push_async_callback(self._process.end)
            http = await self._stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
            await self._process.start(lambda: _info(http))
            self._session = await _Session.create(http)
            self._stack.push_async_callback(self._session.close)
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
        """Its plain RTP participants have no SRTP."""
        return work.plain()

    async def connect(self, work: Work, at: Address) -> list[Line]:
        session = self._bridge
        lines = []
        for number, legs in work.rooms.items():
            rate = max(_RATES[leg.codec] for leg in legs)
            room = {"request": "create", "room": number + 1, "sampling_rate": rate, "allow_rtp_participants": True}
            _check(await session.ask(await session.attach(), room), "created")
            lines += [await self._join(leg, at) for leg in legs]
        return sorted(lines, key=lambda line: line.leg.number)

    async def disconnect(self, work: Work) -> None:
        session = self._bridge
        handle = await session.attach()
        for number in work.rooms:
            _check(await session.ask(handle, {"request": "destroy", "room": number + 1}), "destroyed")

    async def _join(self, leg: Leg, at: Address) -> Line:
        payload_type = CODECS[leg.codec].payload_type
        session = self._bridge
        request = {
            "request": "join",
            "room": leg.room + 1,
            "codec": leg.codec.lower(),
            "rtp": {"ip": at[0], "port": at[1], "payload_type": payload_type},
        }
        joined = _check(await session.ask(await session.attach(), request), "joined")
        rtp = joined["rtp"]
        return Line(leg, (rtp["ip"], rtp["port"]), payload_type)

    @property
    def _bridge(self) -> "_Session":
        assert self._session is not None, "only within `async with`"
        return self._session


class _Session:
    """One session of the JSON interface: replies come at once, or as events of a long poll."""

    def __init__(self, http: aiohttp.ClientSession, path: str) -> None:
        self._http = http
        self._path = path
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._polling = asyncio.create_task(self._poll())

    @classmethod
    async def create(cls, http: aiohttp.ClientSession) -> "_Session":
        """Raises OSError."""
        made = await _post(http, "/janus", {"janus": "create"})
        return cls(http, f"/janus/{made['data']['id']}")

    async def attach(self) -> int:
        made = await _post(self._http, self._path, {"janus": "attach", "plugin": "janus.plugin.audiobridge"})
        return int(made["data"]["id"])

    async def ask(self, handle: int, body: dict[str, Any]) -> dict[str, Any]:
        """What the plugin answers. Raises RuntimeError when it does not."""
        transaction = secrets.token_hex(8)
        event = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        message = {"janus": "message", "transaction": transaction, "body": body}
        try:
            reply = await _post(self._http, f"{self._path}/{handle}", message)
            if reply["janus"] == "ack":
                reply = await asyncio.wait_for(event, _REPLY_SECONDS)
        except TimeoutError:
            raise RuntimeError(f"janus does not answer {body['request']}") from None
        finally:
            del self._waiting[transaction]
        data: dict[str, Any] = reply.get("plugindata", {}).get("data", reply)
        return data

    async def close(self) -> None:
        self._polling.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._polling

    async def _poll(self) -> None:
        while True:
            async with self._http.get(self._path, params={"maxev": "20"}) as response:
                events = await response.json()
            for event in events if isinstance(events, list) else [events]:
                waiting = self._waiting.get(event.get("transaction", ""))
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)


async def _post(http: aiohttp.ClientSession, path: str, message: dict[str, Any]) -> dict[str, Any]:
    """Raises OSError when nobody listens, RuntimeError when it is refused."""
    async with http.post(path, json={"transaction": secrets.token_hex(8), **message}) as response:
        reply: dict[str, Any] = await response.json()
    if reply.get("janus") == "error":
        raise RuntimeError(f"janus refuses {message['janus']}: {reply['error'].get('reason', '')}")
    return reply


async def _info(http: aiohttp.ClientSession) -> None:
    """Raises OSError when nobody listens."""
    async with http.get("/janus/info") as response:
        await response.read()


def _check(answer: dict[str, Any], wanted: str) -> dict[str, Any]:
    if answer.get("audiobridge") != wanted:
        raise RuntimeError(f"janus: not {wanted}: {answer.get('error', answer)}")
    return answer


def configure(folder: Path, port: int) -> None:
    """The packaged files, the two replaced that name ports."""
    for file in PACKAGED.glob("*.jcfg"):
        shutil.copy(file, folder)
    general = (folder / "janus.jcfg").read_text()
    for part, keep in (("plugins", _PLUGIN), ("transports", _TRANSPORT), ("loggers", ""), ("events", "")):
        others = _others(general, part, keep)
        general = re.sub(rf"^{part}: \{{", f'{part}: {{\n\tdisable = "{others}"', general, flags=re.MULTILINE)
    general = general.replace("/etc/janus", str(folder))
    (folder / "janus.jcfg").write_text(general)
    (folder / "janus.transport.http.jcfg").write_text(_CONFIGURATION.format(port=port))
    (folder / "janus.plugin.audiobridge.jcfg").write_text(_ROOMS)


def _others(general: str, part: str, keep: str) -> str:
    where = re.search(rf'^\s*{part}_folder = "([^"]+)"', general, flags=re.MULTILINE)
    files = Path(where[1]).glob("*.so") if where else ()
    return ",".join(sorted(file.name for file in files if file.name != keep))


def _version(said: str) -> str:
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "unknown"
