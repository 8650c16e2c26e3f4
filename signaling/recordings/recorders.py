"""The recorder as the control plane sees it: what runs is said again after each reconnection, what is unknown is
sealed."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from ipc.client import GONE, Client
from ipc.messages import Refusal
from recorder.api import (
    Answers,
    Chunk,
    Configure,
    Delete,
    Events,
    GetRecordings,
    Manifest,
    Read,
    ReadManifest,
    Recordings,
    RecordingStatus,
    Retry,
    Seal,
    SpaceChanged,
    SpaceStatus,
    Start,
    StateChanged,
    TapsCounted,
)  # fmt: skip
from signaling.center.resources import Tenant
from signaling.recordings.recording_states import RecordingStates

RECONNECT_SECONDS = 0.1
RETRY_SECONDS = 1.0
log = structlog.get_logger()


@dataclass
class _Wanted:
    """A recording from its begin until its end was acknowledged."""

    start: Start
    said: bool = False
    """This recorder process has acknowledged the start."""
    failed: bool = False
    """It was not able to, e.g. because its disk is full: it is asked again and again."""
    over: bool = False


class Recorder:
    """`on_state(status)` for every change of a recording, and for each one found at a reconnection;
    `on_presence(there)`."""

    def __init__(
        self, socket: Path, on_state: Callable[[RecordingStatus], None], on_presence: Callable[[bool], None]
    ) -> None:
        self._socket = socket
        self._on_state = on_state
        self._on_presence = on_presence
        self._client: Client | None = None
        self._wanted: dict[str, _Wanted] = {}
        self._storages: list[Configure] = []
        self._keeping: asyncio.Task[None] | None = None
        self.states = RecordingStates()
        self.space = SpaceStatus()
        """Of the spool's disk, as it was told last."""
        self.taps = TapsCounted()
        """What came to it from the media workers and was not as it should be."""
        self.connected = asyncio.Event()
        """Set while the recorder is there and both sides know the same recordings."""

    def start(self, storages: Iterable[Configure] = ()) -> None:
        """`storages` are said to each recorder before anything else."""
        self._storages = list(storages)
        self._keeping = asyncio.ensure_future(self._keep())

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def begin(self, start: Start) -> None:
        """Opens a recording now, or as soon as the recorder is back: the relay holds the sound meanwhile."""
        self._wanted[start.recording] = _Wanted(start)
        await self._say(start.recording)

    async def seal(self, recording: str) -> None:
        """Ends a recording now, or as soon as the recorder is back, even one that it has not heard of yet."""
        if recording in self._wanted:
            self._wanted[recording].over = True
            await self._say(recording)

    async def read(self, tenant: Tenant, key: str, wanted: tuple[int, int]) -> Chunk:
        """A range of the sound: from where, and how many bytes. Raises Refusal."""
        return await self._connected().ask(Read(tenant.account, tenant.instance, key, *wanted))

    async def manifest(self, tenant: Tenant, key: str) -> str:
        """Raises Refusal."""
        found: Manifest = await self._connected().ask(ReadManifest(tenant.account, tenant.instance, key))
        return found.json

    async def delete(self, tenant: Tenant, key: str, recording: str) -> None:
        """Raises Refusal."""
        await self._connected().ask(Delete(tenant.account, tenant.instance, key, recording))
        self.states.forget(recording)

    async def retry(self, tenant: Tenant, recording: str) -> None:
        """Takes one out of quarantine and tries it again. Raises Refusal."""
        await self._connected().ask(Retry(tenant.account, tenant.instance, recording))

    def _connected(self) -> Client:
        if self._client is None:
            raise Refusal(GONE, "the recorder is not there; it is being started anew")
        return self._client

    async def _say(self, recording: str) -> None:
        """What cannot be said now is said by `_agree` at the reconnection."""
        client = self._client
        if client is None:
            return
        try:
            await self._bring(client, recording)
        except Refusal:
            # It went away, or is too slow to know what it has heard: a new connection finds out.
            await client.close()

    async def _bring(self, client: Client, recording: str) -> None:
        """Says what the recorder has not acknowledged yet. Raises Refusal `gone`; other refusals are final."""
        wanted = self._wanted[recording]
        if not wanted.said:
            refusal = await _ask(client, wanted.start)
            wanted.said = refusal is None
            if refusal is not None and not wanted.failed:
                wanted.failed = refusal.code == "internal"
                self._tell(_unopened(wanted.start, refusal))
        if wanted.over and recording in self._wanted:
            await _ask(client, Seal(recording))
            self._wanted.pop(recording, None)

    async def _keep(self) -> None:
        while True:
            client = Client(Answers, Events, self._on_event)
            try:
                await client.connect(self._socket)
                # From here on begins and seals are said at once, so that none falls between the steps of `_agree`.
                self._client = client
                await self._agree(client)
            except (OSError, Refusal):
                self._client = None
                await client.close()
                await asyncio.sleep(RECONNECT_SECONDS)  # nobody tells when a socket will be listened on
                continue
            self.connected.set()
            self._on_presence(True)
            await self._until_closed(client)
            self._client = None
            self.connected.clear()
            log.warning("x recorder lost", recordings=len(self._wanted))
            self._on_presence(False)
            await client.close()

    async def _until_closed(self, client: Client) -> None:
        """Meanwhile what could not be opened is asked for again: what is left of its call is worth recording."""
        while not client.closed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await client.closed.wait()
            for recording, wanted in list(self._wanted.items()):
                if wanted.failed and not wanted.said and recording in self._wanted:
                    await self._say(recording)

    async def _agree(self, client: Client) -> None:
        """Both sides come to know the same recordings: ours are started, those that are nobody's are sealed. Raises
        Refusal `gone`."""
        for wanted in self._wanted.values():
            wanted.said = False
        for storage in self._storages:
            await _ask(client, storage)
        for recording in list(self._wanted):
            if recording in self._wanted:
                await self._bring(client, recording)
        known: Recordings = await client.ask(GetRecordings())
        self.space = known.space
        self.states.see_all(known.recordings)
        for status in known.recordings:
            if status.state == "recording" and status.recording not in self._wanted:
                await _ask(client, Seal(status.recording))
            self._on_state(status)

    def _on_event(self, event: Events) -> None:
        match event:
            case SpaceChanged(space):
                self.space = space
            case TapsCounted():
                self.taps = event
            case StateChanged(status):
                self._tell(status)

    def _tell(self, status: RecordingStatus) -> None:
        self.states.see(status)
        self._on_state(status)


async def _ask(client: Client, command: Configure | Start | Seal) -> Refusal | None:
    """Why the recorder does not do it; None when it does. Raises Refusal `gone`."""
    try:
        await client.ask(command)
    except Refusal as refusal:
        if refusal.code == GONE:
            raise
        log.error("! recorder refused", command=type(command).__name__, code=refusal.code)
        return refusal
    return None


def _unopened(start: Start, refusal: Refusal) -> RecordingStatus:
    """What is told of a recording that the recorder knows nothing of."""
    reason = f"it could not be opened: {refusal.message}"
    return RecordingStatus(
        start.recording,
        start.account,
        start.instance,
        start.contact,
        start.key,
        "quarantined",
        {},
        reason=reason,
        cause="unopened",
    )
