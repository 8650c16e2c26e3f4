"""The SIP messages of contacts that are over."""

import sqlite3
from pathlib import Path

from signaling.sip.tracing.redaction import ShownMessage
from signaling.store import Store
from tests.signaling.store.samples import ACME, NOON, RIVAL


def message(number: int) -> ShownMessage:
    cseq = f"{number} INFO"
    return ShownMessage(NOON + number, True, "udp", "192.0.2.9:5070", "INFO sip:•••@h", cseq, (("CSeq", cseq),))


async def test_what_is_kept_is_found_and_what_comes_later_follows_it(store: Store) -> None:
    assert await store.sip_trace(ACME, "c-1") == []
    await store.save_sip_trace(ACME, "c-1", [message(1), message(2)])
    await store.save_sip_trace(ACME, "c-1", [message(3)])
    assert await store.sip_trace(ACME, "c-1") == [message(1), message(2), message(3)]
    assert await store.sip_trace(RIVAL, "c-1") == []


async def test_it_is_sealed_and_damage_shows_nothing(store: Store, tmp_path: Path) -> None:
    await store.save_sip_trace(ACME, "c-1", [message(1)])
    assert not any(b"192.0.2.9" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    with sqlite3.connect(tmp_path / "telephonist.db") as database:
        database.execute("UPDATE sip_traces SET trace = x'0102'")
    assert await store.sip_trace(ACME, "c-1") == []
