"""A recording while the recorder holds it: its journal, its key, and what its parties are doing."""

import asyncio
import threading
import time
from pathlib import Path

import msgspec

from recorder.api import RecordingStatus, State
from recorder.spooling import journal as journals
from recorder.spooling.journal import Journal
from recorder.wire import Kind
from vault.pii import Pii


class Recording:
    """One recording. `journal` is what is on disk; `save` changes both or neither."""

    def __init__(self, folder: Path, journal: Journal, data_key: Pii[bytes] | None) -> None:
        self.folder = folder
        self.journal = journal
        self.data_key = data_key
        """None: it is quarantined because its key or its journal cannot be read, or it is locked."""
        self.locked = False
        """Its key cannot be had just now: it is not known whether its journal is true, and nothing is written."""
        self.over = asyncio.Event()
        """Set while every party that began has ended."""
        self.last_record = 0.0
        """When the taps last had something for it, on the loop's clock."""
        self.live: set[int] = set()
        self._saving = threading.Lock()
        """A key may be wrapped anew while the spool's thread or the delivery's saves what they have reached."""
        self.trouble = ""
        """Why it does not get on just now; not kept."""

    @property
    def id(self) -> str:
        return self.journal.start.recording

    def status(self) -> RecordingStatus:
        status = self.journal.status()
        return msgspec.structs.replace(status, reason=status.reason or self.trouble)

    def see(self, kind: Kind, party: int) -> None:
        """Follows who is there."""
        if kind is Kind.BEGIN:
            self.live.add(party)
            self.over.clear()
        elif kind is Kind.END:
            self.live.discard(party)
            if not self.live:
                self.over.set()

    def save(self, **changes: object) -> None:
        """Changes the journal. Raises OSError; then nothing is changed. Waits for the disk."""
        with self._saving:
            changed = msgspec.structs.replace(self.journal, **changes)
            if self.data_key is not None:
                journals.save(self.folder, changed, self.data_key)
            self.journal = changed

    def save_open(self, **changes: object) -> None:
        """The same, but not when it has been sealed meanwhile; called where it is sealed, in the spool's thread."""
        if self.journal.state == "recording":
            self.save(**changes)

    def reach(self, state: State, **changes: object) -> None:
        """The same, together with a state and the time it was reached at."""
        self.save(state=state, times=self.journal.times | {state: time.time()}, **changes)
        self.trouble = ""
