"""A call of two RTP peers through a real relay worker, whose taps go to a real recorder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from relay import api as relay
from relay.api import Hear, Tap
from tests.recorder.process import RecorderProcess
from tests.relay.process import ADDRESS, RtpPeer, WorkerProcess, media_port, offer, worker
from tests.support.tones import tone

CUSTOMER, AGENT = 440.0, 700.0


class LiveCall:
    """Party 0, the customer, and party 1, the agent, in one room."""

    def __init__(self, running: WorkerProcess, room: str) -> None:
        self.worker = running
        self.room = room
        self.peers: list[RtpPeer] = []
        self._to: list[tuple[str, int]] = []

    async def connect(self) -> None:
        for number in range(2):
            peer = await self.worker.rtp_peer(11 + number)
            add = relay.AddRtpLeg(self.leg(number), self.room, ADDRESS, offer(peer.port), codecs=("PCMU",))
            self._to.append((ADDRESS, media_port((await self.worker.ask(add)).sdp)))
            self.peers.append(peer)

    async def record(self, recording: str) -> None:
        """Joins the two, and taps both."""
        one, two = self.leg(0), self.leg(1)
        taps = (Tap(one, recording, 0), Tap(two, recording, 1))
        await self.worker.ask(relay.SetRoom(self.room, (Hear(one, two), Hear(two, one)), taps))

    async def talk(self, seconds: float) -> None:
        """Both at once, in real time."""
        sounds = (tone(CUSTOMER, seconds, 8000), tone(AGENT, seconds, 8000))
        await asyncio.gather(
            *(peer.talk(sound, to) for peer, sound, to in zip(self.peers, sounds, self._to, strict=True))
        )

    async def end(self) -> None:
        for number in range(2):
            await self.worker.ask(relay.DropLeg(self.leg(number)))

    def leg(self, party: int) -> str:
        return f"{self.room}/{party}"


@asynccontextmanager
async def live_call(folder: Path, recorder: RecorderProcess) -> AsyncIterator[LiveCall]:
    """A worker of its own in the folder, connected to the recorder, which is started and stopped here, too."""
    await recorder.start()
    try:
        async with worker(folder) as running:
            call = LiveCall(running, "room")
            await call.connect()
            yield call
    finally:
        assert await recorder.stop() == 0
