"""Calls from baresip to a node of their own, one for each codec: with SDES, and with DTLS-SRTP without ICE, RTCP beside
the sound and on a port of its own; what was heard as JSON.

`python -m tests.e2e.baresip_calls FOLDER`, by `own_network.run_module`: baresip uses no loopback address."""

import asyncio
import json
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.e2e import own_network
from tests.e2e.node import Node
from tests.e2e.phones import connected, heard_by, over, softphone
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import end_of
from tests.support.tones import Samples, level_of, rms_of, tone

CUSTOMER, AGENT = 440, 700
CODECS = {"PCMU": ("g711", 8000, 1), "PCMA": ("g711", 8000, 1), "opus": ("opus", 48000, 2)}
"""baresip's module, sampling rate, channels."""
LISTEN_SECONDS = 0.8
SETTLE_SECONDS = 0.4
CONFIG = """\
module_path /usr/lib/baresip/modules
module {module}.so
module srtp.so
module dtls_srtp.so
module ice.so
module uuid.so
module aufile.so
module aubridge.so
module sndfile.so
module account.so
module menu.so
audio_source aufile,{folder}/voice.wav
audio_player aubridge,nobody
snd_path {folder}
net_interface {address}
sip_verify_server no
"""
CALLER = f"<sip:+15557654321@{own_network.ADDRESS};transport=tls>;regint=0"
SDES, DTLS = ";mediaenc=srtp-mand", ";mediaenc=dtls_srtp"
ICE = ";medianat=ice"
MUX = "rtcp_mux yes\n"
WAV_HEADER = 44
Levels = dict[str, float]


class Baresip:
    """A phone with a tone for a voice. What it hears goes to a file for each call, by its sndfile module."""

    def __init__(
        self, folder: Path, codec: str, account: str = CALLER + SDES, voice: float = CUSTOMER, more: str = ""
    ) -> None:
        """`more`: further lines of its configuration."""
        self._folder = folder
        module, self._rate, self._channels = CODECS[codec]
        folder.mkdir()
        config = CONFIG.format(module=module, folder=folder, address=own_network.ADDRESS)
        (folder / "config").write_text(config + more)
        (folder / "accounts").write_text(f"{account};audio_codecs={codec}/{self._rate}/{self._channels}\n")
        samples = tone(voice, 20.0, self._rate)
        with wave.open(str(folder / "voice.wav"), "wb") as file:
            file.setparams((self._channels, 2, self._rate, 0, "NONE", ""))
            file.writeframes(np.repeat(samples, self._channels).tobytes())

    async def call(self, node: Node) -> None:
        uri = f"sip:{BOTH}@{own_network.ADDRESS}:{node.addresses.sip_tls};transport=tls"
        await self.start("-e", f"/dial {uri}")

    async def start(self, *more: str) -> None:
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("/usr/bin/baresip", "-f", str(self._folder), "-s", *more),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def hang_up(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @property
    def log(self) -> str:
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def has_heard(self) -> bool:
        return any(path.stat().st_size > WAV_HEADER for path in self._folder.glob("dump-*-dec.wav"))

    @property
    def heard(self) -> tuple[Samples, int]:
        """In the last call. Read while it is written: the sizes in the header are not true yet."""
        path = max(self._folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime_ns)
        content = path.read_bytes()[WAV_HEADER:]
        frame = 2 * self._channels
        samples = np.frombuffer(content[: len(content) // frame * frame], np.int16)
        return samples.reshape(-1, self._channels)[:, 0], self._rate


def levels(samples: Samples, rate: int) -> Levels:
    """In dBFS."""
    return {
        "customer": level_of(samples, rate, CUSTOMER),
        "agent": level_of(samples, rate, AGENT),
        "all": rms_of(samples),
    }


async def listen(phone: Baresip, other: Callable[[], tuple[Samples, int]]) -> dict[str, Levels]:
    """What both hear from now on."""
    await asyncio.sleep(SETTLE_SECONDS + LISTEN_SECONDS)
    at_phone, at_other = end_of(phone.heard, LISTEN_SECONDS), end_of(other(), LISTEN_SECONDS)
    return {"phone": levels(*at_phone), "other": levels(*at_other)}


async def make_call(node: Node, phone: Baresip, username: str, up: asyncio.Event, controls: bool) -> dict[str, Any]:
    """The contact and what was heard. `up`: set once the agent has it; `controls`: the agent also holds and mutes."""
    async with softphone(node, username, AGENT) as agent:
        await phone.call(node)
        try:
            await connected(agent)
            up.set()
            heard = {"talk": await listen(phone, lambda: heard_by(agent))}
            if controls:
                await agent.hold(True)
                heard["hold"] = await listen(phone, lambda: heard_by(agent))
                await agent.hold(False)
                await agent.mute(True)
                heard["mute"] = await listen(phone, lambda: heard_by(agent))
        finally:
            await phone.hang_up()
        await over(agent)
    return {"id": agent.contact["contactId"], "heard": heard}


async def recording(supervisor: Supervisor, contact: str) -> tuple[dict[str, Levels], dict[str, Any]]:
    """What its beginning, where both talked, has on each side, and the contact record."""
    described = await supervisor.delivered(contact)
    samples, rate = await supervisor.audio(contact)
    talk = samples[int(0.2 * rate) : int((SETTLE_SECONDS + LISTEN_SECONDS) * rate)]
    return {"left": levels(talk[:, 0], rate), "right": levels(talk[:, 1], rate)}, described


async def make_calls(node: Node, folder: Path) -> dict[str, dict[str, Any]]:
    """One in which one agent holds and mutes; meanwhile, with another agent, one in each further codec."""
    phones = {
        "PCMU": Baresip(folder / "PCMU", "PCMU", more=MUX),
        "PCMA": Baresip(folder / "PCMA", "PCMA", CALLER + DTLS, more=MUX),
        "opus": Baresip(folder / "opus", "opus", CALLER + DTLS),
    }
    results: dict[str, dict[str, Any]] = {}
    up = asyncio.Event()

    async def first() -> None:
        results["PCMU"] = await make_call(node, phones["PCMU"], "ann", up, controls=True)

    async def others() -> None:
        await up.wait()
        for codec in ("PCMA", "opus"):
            results[codec] = await make_call(node, phones[codec], "bob", asyncio.Event(), controls=False)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            group.create_task(others())
    except* (AssertionError, TimeoutError) as errors:
        logs = "\n".join(phone.log for phone in phones.values())
        raise AssertionError(f"{errors.exceptions!r}\n{logs}\n{node.log_text()}") from errors
    return results


async def main(folder: Path) -> dict[str, dict[str, Any]]:
    with Node(rtp_ports=(20000, 20063), address=own_network.ADDRESS) as node:
        results = await make_calls(node, folder)
        async with Supervisor(node) as supervisor:
            for result in results.values():
                result["file"], result["contact"] = await recording(supervisor, result["id"])
        return results


if __name__ == "__main__":
    own_network.enter()
    json.dump(asyncio.run(main(Path(sys.argv[1]))), sys.stdout)
