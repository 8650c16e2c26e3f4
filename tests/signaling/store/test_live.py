"""What goes on now, in the store."""

import sqlite3
from pathlib import Path

from signaling.store import Store
from signaling.store.live import LiveKey, LiveState
from tests.signaling.store.samples import ACME, NOON, NUMBER, RIVAL
from vault.pii import Pii

CALL = LiveKey(ACME, "call", "c-1")
AGENT = LiveKey(ACME, "agent", "c-1")


def state(key: LiveKey, text: str = NUMBER, at: float = NOON) -> LiveState:
    return LiveState(key, at, Pii(text))


async def test_what_was_written_last_is_found_and_what_is_over_is_gone(store: Store) -> None:
    other = LiveKey(RIVAL, "call", "c-1")
    await store.save_live([state(CALL), state(AGENT), state(other, "theirs")], [], NOON)
    await store.save_live([state(CALL, "later", NOON + 1)], [AGENT], NOON + 1)
    assert await store.live_states(ACME) == [state(CALL, "later", NOON + 1)]
    assert await store.live_states(RIVAL) == [state(other, "theirs")]
    await store.save_live([], [CALL], NOON)
    assert await store.live_states(ACME) == []
    assert await store.live_states(RIVAL) == [state(other, "theirs")]


async def test_nothing_personal_is_on_disk_in_clear(store: Store, tmp_path: Path) -> None:
    await store.save_live([state(CALL)], [], NOON)
    assert not any(NUMBER.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_a_damaged_state_or_one_in_another_place_does_not_hide_the_others(store: Store, tmp_path: Path) -> None:
    await store.save_live([state(CALL), state(AGENT), state(LiveKey(ACME, "call", "c-2"))], [], NOON)
    with sqlite3.connect(tmp_path / "telephonist.db") as database:
        database.execute("UPDATE live_states SET state = x'00' WHERE kind = 'agent'")
        database.execute(
            "UPDATE live_states SET state = (SELECT state FROM live_states WHERE id = 'c-2') "
            "WHERE kind = 'call' AND id = 'c-1'"
        )
    assert [found.key.id for found in await store.live_states(ACME)] == ["c-2"]
