"""The other end of a browser's call, by aiortc: sends 440 Hz and keeps what it hears."""

import asyncio
import fractions
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame
from numpy.typing import NDArray

RATE = 48000
FRAME = 960


class Tone(MediaStreamTrack):
    """A sine of 440 Hz in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._begun: float | None = None

    async def recv(self) -> AudioFrame:
        now = asyncio.get_running_loop().time()
        self._begun = now if self._begun is None else self._begun
        await asyncio.sleep(max(0.0, self._begun + self._sent / RATE - now))
        at = (self._sent + np.arange(FRAME)) / RATE
        samples = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, RATE)
        self._sent += FRAME
        return frame


class FarEnd:
    """`answer` takes an offer; each new one is a new peer connection, which replaces the older."""

    def __init__(self) -> None:
        self.offers: list[str] = []
        self._peer: RTCPeerConnection | None = None
        self._heard: list[NDArray[np.int16]] = []
        self._listeners: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str) -> str:
        self.offers.append(offer)
        await self.close()
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("track", self._listen)
        self._peer = peer
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        peer.addTrack(Tone())
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def hear(self, seconds: float) -> NDArray[np.int16]:
        """The next seconds of what comes from the browser, mono at 48 kHz."""
        self._heard.clear()
        while sum(len(samples) for samples in self._heard) < seconds * RATE:
            await asyncio.sleep(0.05)
        return np.concatenate(self._heard)

    async def close(self) -> None:
        if self._peer is not None:
            await self._peer.close()

    def _listen(self, track: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._keep(track))
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    async def _keep(self, track: Any) -> None:
        try:
            while True:
                samples = (await track.recv()).to_ndarray().reshape(-1, 2)
                self._heard.append(samples[:, 0].astype(np.int16))
        except MediaStreamError:
            self._heard.append(np.zeros(0, np.int16))
