"""aiortc's peer connection in the part of a browser: plays a tone, keeps what it hears."""

import asyncio
import fractions
from typing import Any

import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from tests.support.tones import tone

RATE = 48000
FRAME = 960


class ToneTrack(MediaStreamTrack):
    """A tone without end, in real time."""

    kind = "audio"

    def __init__(self, freq: float) -> None:
        super().__init__()
        self._samples = tone(freq, 1.0, RATE)
        self._count = 0
        self._begun: float | None = None

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        if self._begun is None:
            self._begun = loop.time()
        await asyncio.sleep(max(0.0, self._begun + self._count * 0.02 - loop.time()))
        positions = np.arange(self._count * FRAME, (self._count + 1) * FRAME) % len(self._samples)
        frame = AudioFrame.from_ndarray(self._samples[positions][None, :], layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._count * FRAME
        frame.time_base = fractions.Fraction(1, RATE)
        self._count += 1
        return frame


class Browser:
    def __init__(self, freq: float) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTrack(ToneTrack(freq))
        self.connection.on("track", self._listen)
        self._heard: list[npt.NDArray[np.int16]] = []
        self._listening: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def answer(self, offer: str) -> str:
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return str(self.connection.localDescription.sdp)

    async def take(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def close(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            await self._listening

    def samples(self) -> npt.NDArray[np.int16]:
        """What was heard so far, mono at 48 kHz."""
        return np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)

    def _listen(self, track: Any) -> None:
        self._listening = asyncio.get_running_loop().create_task(self._keep(track))

    async def _keep(self, track: Any) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        try:
            while True:
                for frame in resampler.resample(await track.recv()):
                    self._heard.append(frame.to_ndarray().reshape(-1).astype(np.int16))
        except MediaStreamError:
            return  # the connection was closed
