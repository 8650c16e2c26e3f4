"""What the API is built from, and where its handlers find it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

from recorder.api import Chunk
from signaling.center.events import Event
from signaling.center.resources import Tenant
from signaling.center.segments import RecordingType
from signaling.recordings.deletion import Deletion
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store import Store
from vault.pii import Pii


class Recordings(Protocol):
    """Delivered recordings. Each raises ipc.messages.Refusal with the codes of recorder.api, or `gone`."""

    async def read(self, tenant: Tenant, key: str, wanted: tuple[int, int]) -> Chunk:
        """A range of the sound, decrypted: from where, and how many bytes, at most 1 MiB."""
        ...

    async def manifest(self, tenant: Tenant, key: str) -> str: ...

    async def retry(self, tenant: Tenant, recording: str) -> None:
        """Takes it out of quarantine and tries it again; one that is not there goes on as it was."""
        ...


class Control(Protocol):
    """Recordings of contacts that go on: `signaling.recordings.recording_desk.RecordingDesk` in the live server."""

    def of_api(self, instance: str, event: Event) -> None:
        """Raises NotYours, NotNow, ValueError."""
        ...

    def states(self, instance: str, contact: str) -> Mapping[RecordingType, str]:
        """How they are now; nothing of a contact that is over."""
        ...


class Tokens(Protocol):
    """Sign-in tokens of softphones."""

    def issue(self, user: str, now: float) -> Pii[str]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    store: Store
    recordings: Recordings
    control: Control
    deletion: Deletion
    tokens: Tokens
    signed_out: Callable[[str], None]
    """Told the name (`Principal.name`) of a user who has signed out: his softphone's session ends."""
    softphone_url: Callable[[str], str]
    """The softphone server's wss URL for a browser that knows us by this host name (an IPv6 address in brackets)."""
    console: Path
    """The folder of the console's pages, with index.html in it."""
    clock: Callable[[], float]
    """Unix seconds."""
    health: Callable[[], Mapping[str, object]]
    """What /health answers; `status` is "ok", or anything else for a 503."""
    metrics: Callable[[], bytes]
    """Prometheus' text format."""
    trunks: Callable[[Tenant], list[dict[str, object]]]
    """What there is to say of a tenant's trunks."""
    sip_messages: Callable[[Tenant, str], list[ShownMessage]] = lambda tenant, contact: []
    """Of a contact whose call goes on, redacted."""
    metrics_token: Pii[str] = Pii("")  # noqa: RUF009  # a value
    """What asks for the metrics from another machine with; empty: nobody may."""
    origins: frozenset[str] = frozenset()
    """Origins that may post besides our own, e.g. https://desk.example.com."""


PARTS = web.AppKey("parts", Parts)
