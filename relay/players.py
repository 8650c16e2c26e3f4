"""Players: sound files are decoded beside the loop, kept in memory while they are the same, and given to the engine."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from ipc.messages import Refusal
from relay.api import Play, PlayerEnded, StopPlayer
from relay.engine import Engine
from relay.soundfile import Samples, SoundFileError, load

CACHED_FILES = 32
RATE = 16000
Sound = tuple[Samples, int]


class Players:
    def __init__(self, engine: Engine, tell: Callable[[PlayerEnded], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._wanted: dict[tuple[str, str], Play] = {}
        """By room and name: those that sound and those that are being read."""

    async def play(self, command: Play) -> None:
        """Returns once the player sounds, or was stopped before it did. Raises Refusal."""
        player = (command.room, command.player)
        if player in self._wanted:
            raise Refusal("exists", "the room has a player of this name")
        self._wanted[player] = command
        try:
            samples, rate = await asyncio.get_running_loop().run_in_executor(None, _read, Path(command.path))
            if self._wanted.get(player) is command:  # else it was stopped, and perhaps another has its name now
                self._engine.add_player(command.room, command.player, samples, rate, command.loop)
        except (OSError, SoundFileError):
            self._give_up(player, command)
            raise Refusal("bad_prompt", "the sound file cannot be read") from None
        except KeyError:
            self._give_up(player, command)
            raise Refusal("no_such_room", "the room has no leg any more") from None
        except ValueError:
            self._give_up(player, command)
            raise Refusal("exists", "the room has a leg of this name") from None

    def stop(self, command: StopPlayer) -> None:
        """Of one that is not there (any more) nothing happens."""
        self._wanted.pop((command.room, command.player), None)
        self._engine.remove_player(command.room, command.player)

    def ended(self, room: str, player: str) -> None:
        """The engine has played it to its end."""
        self._wanted.pop((room, player), None)
        self._tell(PlayerEnded(player, room))

    def room_ended(self, room: str) -> None:
        """The room has no leg any more; its players are gone with it."""
        self._wanted = {player: play for player, play in self._wanted.items() if player[0] != room}

    def _give_up(self, player: tuple[str, str], command: Play) -> None:
        if self._wanted.get(player) is command:
            del self._wanted[player]


def _read(path: Path) -> Sound:
    return _decode(path, path.stat().st_mtime_ns)


@lru_cache(CACHED_FILES)
def _decode(path: Path, modified_ns: int) -> Sound:
    return load(path, RATE), RATE
