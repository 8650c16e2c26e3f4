import asyncio
import wave
from pathlib import Path

import pytest

from ipc.messages import Refusal
from relay.api import Hear, Play, PlayerEnded, PlayTone, StopPlayer
from relay.engine import Engine
from relay.formats import Codec, SendFormat
from relay.playing.players import Players
from tests.support.tones import tone

TICK = 20_000_000


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(tone(500, 0.1, 16000).tobytes())
    return path


def room() -> tuple[Engine, Players, list[PlayerEnded]]:
    engine = Engine()
    engine.add_leg("one", "room", SendFormat(Codec("PCMU"), 0), {})
    engine.set_room("room", (Hear("one", "music"),))
    told: list[PlayerEnded] = []
    return engine, Players(engine, told.append), told


def run(engine: Engine, players: Players, ticks: int) -> bool:
    """Whether anything but silence was sent."""
    sounded = False
    for number in range(ticks):
        tick = engine.tick(number * TICK)
        sounded |= any(set(outgoing.payload) - {0xFF, 0x7F} for outgoing in tick.sends)
        for where, player in tick.ended:
            players.ended(where, player)
    return sounded


async def test_a_player_ends_and_its_name_is_free_again(prompt: Path) -> None:
    engine, players, told = room()
    for _ in range(2):
        await players.play(Play("music", "room", str(prompt)))
        assert run(engine, players, 10)
    assert told == [PlayerEnded("music", "room")] * 2


async def test_a_player_that_is_stopped_while_it_is_read_never_sounds(prompt: Path) -> None:
    engine, players, told = room()
    starting = asyncio.create_task(players.play(Play("music", "room", str(prompt), loop=True)))
    await asyncio.sleep(0)  # the task has begun to read
    players.stop(StopPlayer("music", "room"))
    await starting
    assert not run(engine, players, 10)
    assert told == []


async def test_a_name_can_be_used_again_while_its_stopped_player_is_still_read(prompt: Path) -> None:
    engine, players, told = room()
    first = asyncio.create_task(players.play(Play("music", "room", str(prompt), loop=True)))
    await asyncio.sleep(0)
    players.stop(StopPlayer("music", "room"))
    await players.play(Play("music", "room", str(prompt)))
    await first
    assert run(engine, players, 10)
    assert told == [PlayerEnded("music", "room")]


async def test_a_name_that_is_taken_is_refused(prompt: Path) -> None:
    engine, players, _ = room()
    await players.play(Play("music", "room", str(prompt)))
    for name in ("music", "one"):
        with pytest.raises(Refusal, match="exists"):
            await players.play(Play(name, "room", str(prompt)))
    engine.remove_leg("one")
    players.room_ended("room")
    engine.add_leg("other", "room", SendFormat(Codec("PCMU"), 0), {})
    await players.play(Play("one", "room", str(prompt)))  # nothing is left of the refused one


async def test_a_changed_file_is_read_again(prompt: Path) -> None:
    engine, players, _ = room()
    await players.play(Play("music", "room", str(prompt)))
    assert run(engine, players, 10)
    with wave.open(str(prompt), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    await players.play(Play("music", "room", str(prompt)))
    assert not run(engine, players, 3)


async def test_what_is_no_sound_file_is_refused_and_its_name_stays_free(tmp_path: Path, prompt: Path) -> None:
    _, players, _ = room()
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    for path in (text, tmp_path / "missing.wav", tmp_path):
        with pytest.raises(Refusal, match="bad_prompt"):
            await players.play(Play("music", "room", str(path)))
    await players.play(Play("music", "room", str(prompt)))


async def test_a_room_that_ended_meanwhile_is_refused(prompt: Path) -> None:
    engine, players, _ = room()
    starting = asyncio.create_task(players.play(Play("music", "room", str(prompt))))
    await asyncio.sleep(0)
    engine.remove_leg("one")
    with pytest.raises(Refusal, match="no_such_room"):
        await starting


async def test_a_tone_sounds_until_it_is_stopped_and_a_beep_once() -> None:
    engine, players, told = room()
    players.play_tone(PlayTone("music", "room", "busy", "DE"))
    assert run(engine, players, 1000)
    players.stop(StopPlayer("music", "room"))
    assert not run(engine, players, 60)
    players.play_tone(PlayTone("music", "room", "beep", "DE"))
    assert run(engine, players, 10)
    assert told == [PlayerEnded("music", "room")]


async def test_tones_that_cannot_be_are_refused_and_leave_nothing() -> None:
    _, players, _ = room()
    with pytest.raises(Refusal, match="bad_prompt"):
        players.play_tone(PlayTone("music", "room", "busy", "XX"))
    with pytest.raises(Refusal, match="exists"):
        players.play_tone(PlayTone("one", "room", "busy"))
    with pytest.raises(Refusal, match="no_such_room"):
        players.play_tone(PlayTone("music", "nowhere", "busy"))
    players.play_tone(PlayTone("music", "room", "busy"))
    with pytest.raises(Refusal, match="exists"):
        players.play_tone(PlayTone("music", "room", "busy"))
